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

local function service_of(models, name)
  local model = models.service(name)
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

local function print_result(ctx, args, op, output)
  local printer = require "cli.print"
  local value, orders = printer.prepare(op, output)
  if args.query then value = require "aws.jmespath".search(args.query, value) end
  if value == nil or (type(value) == "table" and next(value) == nil and not args.query) then return end
  local format = args.output or os.getenv "AWS_DEFAULT_OUTPUT" or "json"
  if format == "text" then
    ctx:print(printer.text(value, orders))
  elseif format == "table" then
    ctx:print(printer.table(value, orders, op.name))
  else
    ctx:print(printer.json(value, orders))
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
  if args.no_paginate then return client:call(op.name, input) end
  return require "cli.pages".fetch(client, op, input, args)
end

local function run(first, ctx)
  local words = first.words
  local helped = words_for(ctx, words)
  if helped then return helped end
  local names = {}
  while #names < 2 and words[#names + 1] and words[#names + 1]:sub(1, 1) ~= "-" do
    names[#names + 1] = words[#names + 1]
  end
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
  local input, own = arguments.parse(op, model, rest, by, raw)
  local args = options.parse(own, tables, "tidelock call")
  if args.generate_cli_skeleton then
    ctx:print(require "tidelock.json".encode(arguments.skeleton(op, model), {indent = 4, sort = true}))
    return 0
  end
  if args.cli_input_json then input = arguments.with_json(op, model, args.cli_input_json, input, raw) end
  arguments.check_required(op, input)
  print_result(ctx, args, op, send(ctx, args, names[1], op, input))
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
