--- tidelock run: a playbook from top to bottom. `tidelock FILE.lua` is short for it.
local apply = require "cli.apply"
local options = require "cli.options"

return {
  name = "run",
  about = "Run a playbook: apply what it declares, take its steps; asks first",
  usage = "tidelock run FILE.lua [--account FILE] [--var NAME=VALUE] [--yes]",
  options = apply.options, queries = true,
  run = function(args, ctx)
    if #args == 0 then options.usage "which playbook? tidelock run FILE.lua" end
    return apply.run(args, ctx)
  end,
}
