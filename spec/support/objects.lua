-- objects.lua -- the store for large objects of spec/support/objects.py.
local server = require "support.server"
local stub = require "support.stub"

local objects = {}

--- Starts one. @param options {tls = bool} @return {url=, ca=, env=} with `stop`
function objects.start(options)
  return stub.start({server.PYTHON, "spec/support/objects.py"}, options and options.tls)
end

return objects
