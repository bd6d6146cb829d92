--- tidelock call: any AWS operation from the shell, in the aws CLI's own forms, printed as the aws CLI prints.
local options = require "cli.options"
local suggest = require "suggest"

local call = {
  name = "call",
  about = "Make any AWS call, as the aws CLI would",
  usage = "tidelock call SERVICE OPERATION [--OPTION VALUE ...]",
  own = true,
  options = {
    {name = "cli-input-json", value = "JSON", about = "the whole input, or file://PATH; options go on top"},
    {name = "generate-cli-skeleton", about = "print an input (or: output) with every member and send nothing"},
    {name = "cli-binary-format", value = "FORMAT", about = "how blobs are written",
      choices = {"base64", "raw-in-base64-out"}},
    {name = "no-paginate", about = "only the first page"},
    {name = "max-items", value = "N", number = true, about = "at most so many items; the output says how to go on"},
    {name = "page-size", value = "N", number = true, least = 1, about = "items a request"},
    {name = "starting-token", value = "TOKEN", about = "go on where --max-items stopped"},
    {name = "no-sign-request", about = "send without a signature"},
    {name = "ca-bundle", value = "FILE", about = "certificates of the authorities to trust"},
    {name = "color", value = "WHEN", about = "accepted, and without effect: answers have no colour",
      choices = {"on", "off", "auto"}},
    {name = "no-cli-pager", about = "accepted, and without effect: there is no pager"},
    {name = "cli-connect-timeout", value = "SECONDS", seconds = true, about = "how long connecting may take"},
    {name = "cli-read-timeout", value = "SECONDS", seconds = true, about = "how long an answer may take"},
  },
}

-- Where the aws CLI has another name than botocore.
local ALIASES <const> = {s3api = "s3", configservice = "config", deploy = "codedeploy"}

-- Options of the aws CLI that are not here, and what to do instead.
local ELSEWHERE <const> = {
  ["--cli-input-yaml"] = "YAML is not read here; write the input as JSON: --cli-input-json file://PATH",
  ["--no-verify-ssl"] = "certificates are always checked; give the authority's: --ca-bundle FILE, or AWS_CA_BUNDLE",
  ["--cli-auto-prompt"] = "nothing is prompted for; the shell completes operations and options: tidelock completion",
}

local function service_of(models, name)
  local model = models.service(ALIASES[name] or name)
  if model then return model end
  options.usage(("there is no AWS service %q%s"):format(name, suggest.phrase(name, models.services())))
end

local function operations_of(model)
  local out = {}
  for i, name in ipairs(model:operations()) do out[i] = (model:operation(name).snake:gsub("_", "-")) end
  return out
end

local function operation_of(model, service, name)
  local op = model:operation((name:gsub("%-", "_"))) or model:operation(name)
  if op then return op end
  local instead = require "cli.callinstead"[service]
  if instead and instead[name] then
    options.usage(("%s %s is the aws CLI's own, made of other calls; here they are made one by one: %s"):format(service,
      name, instead[name]))
  end
  options.usage(("%s has no operation %q%s"):format(service, name, suggest.phrase(name, operations_of(model))))
end

-- Whether the words ask for one page, or for one by its token.
local function pages_by_hand(op, rule, words)
  local tokens = rule.input_token
  for _, word in ipairs(words) do
    local name = word:match "^%-%-([^=]+)"
    if name == "no-paginate" then return true end
    for _, token in ipairs(type(tokens) == "table" and tokens or {tokens}) do
      if name == require "cli.arguments".name_of(op, token) then return true end
    end
  end
  return false
end

-- Options that are not the operation's own. Where both have one, the operation's wins, as in the aws CLI; but where
-- pages are joined, --max-items counts over all of them.
local function known_options(op, words)
  local taken = require "cli.arguments".options(op, op.service)
  local rule = taken["max-items"] and op.service:paginator(op.name)
  local joined = rule and not pages_by_hand(op, rule, words)
  local by, tables = {}, {}
  for _, list in ipairs {call.options, options.GLOBAL} do
    local kept = {}
    for _, option in ipairs(list) do
      if not taken[option.name] or joined and option.name == "max-items" then
        by[option.name] = option
        kept[#kept + 1] = option
      end
    end
    tables[#tables + 1] = kept
  end
  return by, tables
end

local FORMATS <const> = {json = true, text = true, table = true}

-- --output, or what the aws CLI reads where it is not given: AWS_DEFAULT_OUTPUT, then the profile.
local function format_of(ctx, args)
  local chosen, where = args.output, "--output"
  if not chosen then
    chosen, where = os.getenv "AWS_DEFAULT_OUTPUT", "AWS_DEFAULT_OUTPUT"
    if chosen == "" then chosen = nil end
  end
  if not chosen then
    local ok, profile = pcall(function() return ctx:session().settings:profile() end)
    chosen, where = ok and profile.output or "json", "output of the profile"
  end
  if not FORMATS[chosen] then options.usage(("%s of a call is json, text or table, not %q"):format(where, chosen)) end
  return chosen
end

-- A wrong expression is told before anything is sent.
local function check_query(query)
  local run, err = require "aws.jmespath".compile(query)
  if not run then options.usage(("--query %q: %s"):format(query, err.message)) end
end

local function select_of(query, value, orders)
  local known = require "aws.jmespath.values".orders
  setmetatable(orders, {__mode = "k", __index = known})
  for map, names in pairs(orders) do
    if type(map) == "table" and type(names) == "table" then known[map] = names end
  end
  local found, err = require "aws.jmespath".search(query, value)
  if err then options.usage(("--query %q: %s"):format(query, err.message or tostring(err))) end
  if found == nil then return require "tidelock.json".null end
  return found
end

-- In text every page is queried and printed by itself, and so is the token, as the aws CLI does.
local function print_text(ctx, args, value, orders)
  if args.query then value = select_of(args.query, value, orders) end
  local text = require "cli.print".text(value, orders)
  if text ~= "" then ctx:print(text) end
end

-- Members that are printed as null where the answer has none: us-east-1 is the place without a name.
local EMPTY <const> = {GetBucketLocation = "LocationConstraint"}

-- An answer as it is printed, its maps in the order of the answers' own texts.
local function prepared(op, output, order, bodies)
  local value, orders = require "cli.print".prepare(op, output, order)
  if #orders.maps > 0 and #bodies > 0 then require "cli.order".note(orders, orders.maps, bodies) end
  if EMPTY[op.name] and value[EMPTY[op.name]] == nil then value[EMPTY[op.name]] = require "tidelock.json".null end
  return value, orders
end

local function print_result(ctx, args, op, output, order)
  local printer = require "cli.print"
  local value, orders = prepared(op, output, order, args.bodies)
  if args.output == "text" then return print_text(ctx, args, value, orders) end
  if args.query then value = select_of(args.query, value, orders) end
  if value == nil or (type(value) == "table" and next(value) == nil and not args.query) then return end
  if args.output == "table" then
    local columns
    if require "tidelock.tty".is "stdout" then columns = require "tidelock.tty".size() end
    local text = printer.table(value, orders, op.name, columns)
    if text then ctx:print(text) end
  else
    ctx:print(printer.json(value, orders))
  end
end

-- Events are printed one by one, as they come.
local function print_events(ctx, args, op, output)
  local printer = require "cli.print"
  local member, shape = require "aws.events".member(op, op:output_shape())
  local stream <close> = output[member.name]
  for event in stream do
    local value, orders = printer.prepare(op, event, nil, shape)
    if args.query then value = select_of(args.query, value, orders) end
    ctx:print(printer.json(value, orders))
    ctx:flush()
  end
end

local function words_for(ctx, words)
  for i, word in ipairs(words) do
    if word == "--help" or word == "-h" or word == "help" and i <= 3 then
      local service = words[1] ~= word and (ALIASES[words[1]] or words[1]) or nil
      local operation = service and words[2] ~= word and words[2] ~= "wait" and words[2] or nil
      if not service or service:sub(1, 1) == "-" then return require "cli.help".run({"call"}, ctx) end
      return require "cli.servicehelp".run(ctx, service, operation)
    end
  end
end

local function send(ctx, args, service, op, input)
  ctx.args = args
  local session = ctx:session()
  args.bodies = {}
  require "cli.wire".watch(session.world, args.bodies, args.debug and function(line) ctx:say("%s", line) end)
  local own = args.cli_connect_timeout or args.cli_read_timeout or args.no_sign_request or args.ca_bundle
  local client = session:client(service, own and {connect_timeout = args.cli_connect_timeout,
    read_timeout = args.cli_read_timeout, anonymous = args.no_sign_request, ca_bundle = args.ca_bundle} or nil)
  if args.waiter then
    return client:wait(args.waiter, input)
  elseif op.streaming_output then
    return call.body_to(ctx, client, op, input, args.outfile)
  elseif args.no_paginate or op.event_output then
    return client:call(op.name, input)
  elseif args.output == "text" then
    local token = require "cli.pages".each(client, op, input, args, function(page)
      print_result(ctx, args, op, page)
    end)
    if token then print_text(ctx, args, {NextToken = {NextToken = token}}, {}) end
    args.printed = true
    return
  end
  return require "cli.pages".fetch(client, op, input, args)
end

--- Calls with the body of the answer going to the file `to`; "-" is standard output, and then nothing else goes there.
function call.body_to(ctx, client, op, input, to)
  local payload = op:output_shape().payload
  if to ~= "-" then
    local output = client:call(op.name, input, {to = to})
    output[payload] = nil
    return output
  end
  local body <close> = client:call(op.name, input, {by_pieces = true})[payload]
  for piece in body do ctx:write(piece) end
  return {}
end

-- Options may stand before the service, as with the aws CLI: they are put behind.
local function operation_first(words)
  local takes, before, i = {}, {}, 1
  for _, list in ipairs {call.options, options.GLOBAL} do
    for _, option in ipairs(list) do takes["--" .. option.name] = option.value ~= nil end
  end
  while words[i] and words[i]:find "^%-%-%a" do
    before[#before + 1] = words[i]
    if takes[words[i]] and words[i + 1] then
      i = i + 1
      before[#before + 1] = words[i]
    end
    i = i + 1
  end
  local out = table.move(words, i, #words, 1, {})
  return table.move(before, 1, #before, #out + 1, out)
end

--- The rule of a waiter by the name that the aws CLI gives it, and its name; raises with did-you-mean.
function call.waiter_of(model, service, name)
  local names = {}
  for camel, rule in pairs(model:waiters()) do
    local dashed = require "cli.arguments".option_name(camel)
    if name and camel:lower() == name:gsub("[-_]", ""):lower() then return rule, camel end
    names[#names + 1] = dashed
  end
  table.sort(names)
  if #names == 0 then options.usage(("the models know nothing to wait for in %s"):format(service)) end
  if not name then options.usage(("wait for what? %s knows: %s"):format(service, table.concat(names, ", "))) end
  options.usage(("%s has nothing called %q to wait for%s"):format(service, name, suggest.phrase(name, names)))
end

-- The two names that a line begins with; of a wait the operation that is asked, and the waiter's name.
local function target_of(words)
  local names = {}
  while words[#names + 1] and words[#names + 1]:sub(1, 1) ~= "-" and #names < (names[2] == "wait" and 3 or 2) do
    names[#names + 1] = words[#names + 1]
  end
  names[1] = names[1] and (ALIASES[names[1]:lower()] or names[1]:lower())
  if not names[1] then
    options.usage("which operation? tidelock call SERVICE OPERATION, for example tidelock call sqs list-queues")
  end
  local model = service_of(require "tidelock.models", names[1])
  if not names[2] then
    options.usage(("which operation of %s? They are listed by: tidelock help %s"):format(names[1], names[1]))
  end
  if names[2] ~= "wait" then return names[1], model, operation_of(model, names[1], names[2]), 3 end
  local rule, name = call.waiter_of(model, names[1], names[3])
  return names[1], model, model:operation(rule.operation), 4, name
end

-- "--generate-cli-skeleton output": what may follow the word. Returns which skeleton, and the words without it.
local function skeleton_of(words)
  local out, kind = {}, "input"
  for i, word in ipairs(words) do
    local joined = word:match "^%-%-generate%-cli%-skeleton=(.*)$"
    local after = words[i - 1] == "--generate-cli-skeleton" and word:find "^[%a-]+$" and word:sub(1, 2) ~= "--" and word
    if joined then out[#out + 1] = "--generate-cli-skeleton" elseif not after then out[#out + 1] = word end
    kind = joined or after or kind
  end
  if kind == "yaml-input" then options.usage "--generate-cli-skeleton writes JSON here, no YAML: input or output" end
  if kind ~= "input" and kind ~= "output" then
    options.usage(("--generate-cli-skeleton takes input or output, not %q"):format(kind))
  end
  return kind, out
end

local function print_skeleton(ctx, op, model, kind)
  local printer = require "cli.print"
  local shape = kind == "output" and op:output_shape() or kind == "input" and op:input_shape() or nil
  local tree = require "cli.arguments".skeleton(model, shape, kind == "output")
  ctx:print(printer.json(printer.prepare(op, tree, nil, shape)))
  return 0
end

-- What a line gives an option, before it is parsed.
local function given(words, name)
  for i, word in ipairs(words) do
    if word == name then return words[i + 1] end
    if word:sub(1, #name + 1) == name .. "=" then return word:sub(#name + 2) end
  end
end

-- Whether blobs are written as they are: --cli-binary-format, or the profile, which is read where there is one.
local function rawness(words)
  local format = given(words, "--cli-binary-format")
  return function()
    if not format then
      local session = require "aws".session {profile = given(words, "--profile")}
      local ok, profile = pcall(session.settings.profile, session.settings)
      format = ok and profile.cli_binary_format or "base64"
    end
    return format == "raw-in-base64-out"
  end
end

local function print_answer(ctx, args, op, output, order)
  if args.waiter or args.printed then return end
  if op.event_output then return print_events(ctx, args, op, output) end
  print_result(ctx, args, op, output, order)
end

local function run(first, ctx)
  local words = operation_first(first.words)
  local helped = words_for(ctx, words)
  if helped then return helped end
  local service, model, op, from, waiter = target_of(words)
  for _, word in ipairs(words) do
    if ELSEWHERE[word] then options.usage(ELSEWHERE[word]) end
  end
  local arguments = require "cli.arguments"
  local by, tables = known_options(op, words)
  local kind, rest = skeleton_of(table.move(words, from, #words, 1, {}))
  local raw = rawness(rest)
  local input, own, outfile = arguments.parse(op, model, rest, by, raw)
  local args = options.parse(own, tables, "call")
  if args.no_paginate and (args.max_items or args.page_size or args.starting_token) then
    options.usage "--max-items, --page-size and --starting-token are of pages that are joined: leave out --no-paginate"
  end
  if args.generate_cli_skeleton then return print_skeleton(ctx, op, model, kind) end
  if args.cli_input_json then input = arguments.with_json(op, model, args.cli_input_json, input, raw) end
  arguments.check_required(op, input)
  args.outfile, args.waiter = outfile, waiter
  if op.streaming_output and not outfile and not waiter then
    options.usage(("%s writes what it gets to a file: name it at the end, or - for standard output"):format(op.name))
  end
  ctx.args = args
  if args.query then check_query(args.query) end
  args.output = format_of(ctx, args)
  print_answer(ctx, args, op, send(ctx, args, service, op, input))
  return 0
end
call.run = run

return call
