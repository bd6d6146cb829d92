--- tidelock help: the commands, one command's options, a playbook's header, an AWS operation's options.
local options = require "cli.options"

local function commands(ctx)
  local cli = require "cli"
  ctx:print {"tidelock holds an AWS account to what its playbooks say.", "", "usage: tidelock COMMAND [OPTIONS]", ""}
  for _, name in ipairs(cli.names()) do
    local command = cli.command(name)
    ctx:print(("  %-11s %s"):format(name, command.about))
  end
  ctx:print {"", "tidelock FILE.lua is short for tidelock run FILE.lua.", "", "For all commands:"}
  ctx:print(options.help(options.GLOBAL))
  ctx:print {"", "tidelock help COMMAND tells more; so do: tidelock help playbook, tidelock help sqs create-queue."}
  return 0
end

local function one(ctx, command)
  ctx:print {command.about .. ".", "", "usage: " .. command.usage, ""}
  if command.options and #command.options > 0 then ctx:print(options.help(command.options)) end
  if command.more then ctx:print {"", command.more} end
  return 0
end

local function types(ctx)
  local resources = require "resources"
  ctx:print "Resource types (ensure.SERVICE.TYPE {...}):"
  local width = 0
  for _, name in ipairs(resources.names()) do width = math.max(width, #name) end
  for _, name in ipairs(resources.names()) do
    ctx:print(("  %s%s  %s"):format(name, (" "):rep(width - #name), resources.find(name).about))
  end
  return 0
end

local function type_of(row)
  if row == nil then return "any" end
  if row.type == "list" then return "list of " .. type_of(row.item) end
  if row.type == "map" then return "map of " .. type_of(row.value) end
  return row.enum and table.concat(row.enum, " | ") or row.type
end

local function resource_type(ctx, t)
  local schema = t:schema(require "tidelock.models")
  ctx:print {("ensure.%s: %s."):format(t.type, t.about), "", "Properties:"}
  for _, name in ipairs(require "playbook.vars".names(schema)) do
    local notes = {}
    if schema[name].required then notes[#notes + 1] = "required" end
    if t.replaced_by[name] then notes[#notes + 1] = "a change replaces it" end
    local default = t.defaults and t.defaults[name]
    if type(default) ~= "table" and type(default) ~= "function" and default ~= nil then
      notes[#notes + 1] = (t.is_guard[name] and "where none is there yet " or "default ") .. tostring(default)
    end
    ctx:print(("  %-32s %s%s"):format(name, type_of(schema[name].row),
      #notes > 0 and "  (" .. table.concat(notes, ", ") .. ")" or ""))
  end
  if t.provides then ctx:print {"", "Fields of the handle: " .. table.concat(t.provides, ", ")} end
  return 0
end

local function playbook_file(ctx, path)
  local fault, source, vars = require "playbook.fault", require "playbook.source", require "playbook.vars"
  local list = fault.list()
  local header = source.parse(path, source.read(path), list).header
  fault.raise(list)
  ctx:print(("%s: %s"):format(header.name, header.about or ""))
  for _, name in ipairs(vars.names(header.vars or {})) do
    local spec = header.vars[name]
    local value = spec.default
    if type(value) == "table" then value = table.concat(value, ",") end
    if value == "" then value = "none" end
    local default = value ~= nil and "default " .. tostring(value) or "required"
    local takes = spec.choices and table.concat(spec.choices, "|") or vars.word(spec)
    ctx:print(("  --var %s=%s  %s  (%s)"):format(name, takes, spec.about or "", default))
  end
  return 0
end

local function run(args, ctx)
  local cli = require "cli"
  local word = args[1]
  if not word then return commands(ctx) end
  local command = cli.command(word)
  if command then return one(ctx, command) end
  if word == "types" then return types(ctx) end
  if word == "playbook" then
    ctx:print(require "cli.language")
    return 0
  end
  if word:find "%.lua$" then return playbook_file(ctx, word) end
  local t = word:find "%." and require "resources".find(word)
  if t then return resource_type(ctx, t) end
  return require "cli.servicehelp".run(ctx, word, args[2])
end

return {
  name = "help",
  about = "What a command, a playbook, a resource type or an AWS operation takes",
  usage = "tidelock help [COMMAND | playbook | types | TYPE | FILE.lua | SERVICE [OPERATION]]",
  options = {},
  run = run,
}
