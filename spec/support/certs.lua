-- certs.lua -- a small authority and the certificates, good and bad, that specs need; made once.
local proc = require "tidelock.proc"
local server = require "support.server"

local FOLDER <const> = "build/certs"
local certs = {}

--- The folder with ca.pem, {server,client,other,expired,lone}.{pem,key} and more: see spec/support/httpd.py.
function certs.folder()
  local fresh = proc.run {"find", FOLDER .. "/rsa-sha512.pem", "-mtime", "-10", stderr = "null"}
  if not fresh or fresh.stdout == "" then
    local out = assert(proc.run {server.PYTHON, "spec/support/httpd.py", "--make-certs", FOLDER})
    assert(out.code == 0, out.stderr)
  end
  return FOLDER
end

return certs
