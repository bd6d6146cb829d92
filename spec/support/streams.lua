-- streams.lua -- the service with two-way streams of spec/support/streams.py.
local stub = require "support.stub"

local streams = {}

-- The second emulator's: it brings an HTTP/2 library along.
local PYTHON <const> = "build/venv-ministack/bin/python"

--- Starts one. @param options {tls = bool, h2 = bool}; h2 takes tls with it
-- @return {url=, ca=, env=} with `stop`
function streams.start(options)
  options = options or {}
  local command <const> = {PYTHON, "spec/support/streams.py"}
  if options.h2 then command[#command + 1] = "--h2" end
  return stub.start(command, options.tls or options.h2)
end

return streams
