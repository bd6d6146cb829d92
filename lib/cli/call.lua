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
    {name = "generate-cli-skeleton", about = "print an input with every member and send nothing"},
    {name = "cli-binary-format", value = "FORMAT", about = "how blobs are written",
      choices = {"base64", "raw-in-base64-out"}},
    {name = "no-paginate", about = "only the first page"},
    {name = "max-items", value = "N", number = true, about = "at most so many items; the output says how to go on"},
    {name = "page-size", value = "N", number = true, about = "items a request"},
    {name = "starting-token", value = "TOKEN", about = "go on where --max-items stopped"},
    {name = "no-sign-request", about = "send without a signature"},
    {name = "no-cli-pager", about = "accepted, and without effect: there is no pager"},
    {name = "cli-connect-timeout", value = "SECONDS", number = true, about = "how long connecting may take"},
    {name = "cli-read-timeout", value = "SECONDS", number = true, about = "how long an answer may take"},
  },
}

-- Where the aws CLI has another name than botocore.
local ALIASES <const> = {s3api = "s3", configservice = "config", deploy = "codedeploy"}

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
  options.usage(("%s has no operation %q%s"):format(service, name, suggest.phrase(name, operations_of(model))))
end

-- Options that are not the operation's own. Where both have one, the operation's wins, as in the aws CLI.
local function known_options(op)
  local taken = require "cli.arguments".options(op, op.service)
  local by, tables = {}, {}
  for _, list in ipairs {call.options, options.GLOBAL} do
    local kept = {}
    for _, option in ipairs(list) do
      if not taken[option.name] then
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
  setmetatable(orders, {__mode = "k", __index = require "aws.jmespath.values".orders})
  local found, err = require "aws.jmespath".search(query, value)
  if err then options.usage(("--query %q: %s"):format(query, err.message or tostring(err))) end
  if found == nil then return require "tidelock.json".null end
  return found
end

-- In text the token of a paged answer has a row of its own.
local function print_text(ctx, printer, value, orders, paged)
  local token = paged and value.NextToken
  if paged then
    for _, name in ipairs(orders[value]) do
      if value[name] == nil then value[name] = require "tidelock.json".null end
    end
    value.NextToken = nil
  end
  local text = printer.text(value, orders)
  if text ~= "" then ctx:print(text) end
  if token then ctx:print("NEXTTOKEN\t" .. token) end
end

-- Members that are printed as null where the answer has none: us-east-1 is the place without a name.
local EMPTY <const> = {GetBucketLocation = "LocationConstraint"}

local function print_result(ctx, args, op, output, order)
  local printer = require "cli.print"
  local value, orders = printer.prepare(op, output, order)
  if EMPTY[op.name] and value[EMPTY[op.name]] == nil then value[EMPTY[op.name]] = require "tidelock.json".null end
  if args.query then value = select_of(args.query, value, orders) end
  if value == nil or (type(value) == "table" and next(value) == nil and not args.query) then return end
  if args.output == "text" then
    print_text(ctx, printer, value, orders, order and not args.query)
  elseif args.output == "table" then
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
  for _, member in ipairs(op:output_shape().members) do
    local shape = op.service:shape(member.shape)
    if shape.eventstream then
      local stream <close> = output[member.name]
      for event in stream do
        local value, orders = printer.prepare(op, event, nil, shape)
        if args.query then value = select_of(args.query, value, orders) end
        ctx:print(printer.json(value, orders))
        ctx:flush()
      end
    end
  end
end

local function words_for(ctx, words)
  for i, word in ipairs(words) do
    if word == "--help" or word == "-h" or word == "help" and i <= 3 then
      return call.help(ctx, words[1] ~= word and words[1] or nil, words[2] ~= word and words[2] or nil)
    end
  end
end

local function send(ctx, args, service, op, input)
  ctx.args = args
  local session = ctx:session()
  local client = session:client(service, (args.cli_connect_timeout or args.cli_read_timeout or args.no_sign_request) and
    {connect_timeout = args.cli_connect_timeout, read_timeout = args.cli_read_timeout,
      anonymous = args.no_sign_request} or nil)
  if op.streaming_output then
    return call.body_to(ctx, client, op, input, args.outfile)
  elseif args.no_paginate or op.event_output then
    return client:call(op.name, input)
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

local function run(first, ctx)
  local words = operation_first(first.words)
  local helped = words_for(ctx, words)
  if helped then return helped end
  local names = {}
  while #names < 2 and words[#names + 1] and words[#names + 1]:sub(1, 1) ~= "-" do
    names[#names + 1] = words[#names + 1]
  end
  names[1] = ALIASES[names[1]] or names[1]
  if #names < 2 then
    options.usage("which operation? tidelock call SERVICE OPERATION, for example tidelock call sqs list-queues")
  end
  local arguments = require "cli.arguments"
  local model = service_of(require "tidelock.models", names[1])
  local op = operation_of(model, names[1], names[2])
  local by, tables = known_options(op)
  local rest = table.move(words, 3, #words, 1, {})
  local raw = false
  for i, word in ipairs(rest) do
    raw = raw or (rest[i - 1] == "--cli-binary-format" and word or word:match "^%-%-cli%-binary%-format=(.*)$")
      == "raw-in-base64-out"
  end
  local input, own, outfile = arguments.parse(op, model, rest, by, raw)
  local args = options.parse(own, tables, "tidelock call")
  if args.generate_cli_skeleton then
    local printer, shape = require "cli.print", op:input_shape()
    ctx:print(printer.json(printer.prepare(op, arguments.skeleton(op, model), nil, shape)))
    return 0
  end
  if args.cli_input_json then input = arguments.with_json(op, model, args.cli_input_json, input, raw) end
  arguments.check_required(op, input)
  args.outfile = outfile
  if op.streaming_output and not outfile then
    options.usage(("%s writes what it gets to a file: name it at the end, or - for standard output"):format(op.name))
  end
  ctx.args = args
  if args.query then check_query(args.query) end
  args.output = format_of(ctx, args)
  local output, order = send(ctx, args, names[1], op, input)
  if op.event_output then
    print_events(ctx, args, op, output)
  else
    print_result(ctx, args, op, output, order)
  end
  return 0
end
call.run = run

-- ## Help

local TYPES <const> = {structure = "structure", list = "list", map = "map"}

local function operation_help(ctx, service, op)
  local _, names = require "cli.arguments".options(op, op.service)
  ctx:print {("tidelock call %s %s"):format(service, op.snake:gsub("_", "-")), ""}
  local shape = op:input_shape()
  local width = 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for i, member in ipairs(shape and shape.members or {}) do
    local inner = op.service:shape(member.shape)
    local kind = inner.enum and table.concat(inner.enum, " | ") or TYPES[inner.type] or inner.type
    ctx:print(("  %s  %s%s"):format(names[i] .. (" "):rep(width - #names[i]), kind,
      member.required and " (required)" or ""))
  end
  if not shape or #shape.members == 0 then ctx:print "  It takes no input." end
  return 0
end

--- Help on a service (its operations) or an operation (its options).
function call.help(ctx, service, operation)
  if not service then
    ctx:print {call.about .. ".", "", "usage: " .. call.usage, ""}
    ctx:print(options.help(call.options))
    return 0
  end
  local models = require "tidelock.models"
  local model = models.service(service)
  if not model then
    local names = table.move(require "cli".names(), 1, #require "cli".names(), 1, {})
    for _, name in ipairs(models.services()) do names[#names + 1] = name end
    options.usage(("there is no command, resource type or AWS service %q%s"):format(service,
      suggest.phrase(service, names)))
  end
  if operation then return operation_help(ctx, service, operation_of(model, service, operation)) end
  ctx:print(("%s has these operations:"):format(service))
  for _, name in ipairs(operations_of(model)) do ctx:print("  " .. name) end
  return 0
end

return call
