--- tidelock run: a playbook from top to bottom. `tidelock FILE.lua` is short for it.
local apply = require "cli.apply"

return {
  name = "run",
  about = "Run a playbook: apply what it declares, take its steps; asks first",
  usage = "tidelock run FILE.lua [--account FILE] [--var NAME=VALUE] [--yes]",
  options = apply.options,
  run = apply.run,
}
