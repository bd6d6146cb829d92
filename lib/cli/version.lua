--- tidelock version: which program this is, and of which AWS models.
local VERSION <const> = require "version"

local function run(_, ctx)
  local models = require "tidelock.models"
  local ok, botocore = pcall(models.version)
  ctx:print(("tidelock %s (%s, AWS models of botocore %s)"):format(VERSION, _VERSION, ok and botocore or "none"))
  return 0
end

return {name = "version", about = "Which program this is", usage = "tidelock version", options = {}, words = 0,
  outputs = {}, run = run, VERSION = VERSION}
