--- tidelock help SERVICE [OPERATION]: from the documentation, or where it is missing from the models alone.
local options = require "cli.options"
local manual = require "repl.manual"
local pager = require "repl.pager"
local suggest = require "suggest"

local servicehelp = {}

local function unknown(models, name)
  local names = {"playbook", "types"}                                    -- pages of tidelock help itself
  for _, list in ipairs {require "cli".names(), models.services()} do table.move(list, 1, #list, #names + 1, names) end
  if name:find(".", 1, true) then names = require "resources".names() end
  options.usage(("there is no command, resource type or AWS service %q%s"):format(name, suggest.phrase(name, names)))
end

-- Options that are no members, as a section of their own.
local function short_options(by, width)
  local names = {}
  for name, option in pairs(by) do
    if option.put then names[#names + 1] = "--" .. name end
  end
  if #names == 0 then return names end
  table.sort(names)
  return {"", "IN SHORT", "", "  Parts of the input, as the aws CLI has them:",
    table.unpack(require "repl.wrap".columns(names, "    ", width))}
end

--- Prints the help of a service, or of one of its operations.
function servicehelp.run(ctx, service, operation)
  local models = require "tidelock.models"
  if not service:find(".", 1, true) then service = service:gsub("_", "-") end
  local model = models.service(service)
  if not model then unknown(models, service) end
  local op
  if operation then
    local found, why = manual.operation_of(model, service, operation)
    if not found then options.usage(why) end
    op = found
  end
  local docs, note = manual.docs()
  local texts = docs
  if docs then
    local err
    texts, err = docs:service(service)
    note = err and err.message
  end
  local width = pager.width()
  local lines
  if op then
    local arguments = require "cli.arguments"
    local how = manual.cli(service, op, function(name) return arguments.name_of(op, name) end)
    lines = manual.operation(service, op, texts, how, width, note)
    local short = short_options(arguments.options(op, op.service), width)
    table.move(short, 1, #short, #lines + 1, lines)
  else
    lines = manual.service(service, model, texts, width, note)
  end
  pager.show(lines, ctx.out, ctx.out == io.stdout and require "tidelock.tty".is "stdout")
  return 0
end

return servicehelp
