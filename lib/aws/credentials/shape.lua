--- What every provider returns: one set of keys, its secrets out of sight, and when it ends.
local date = require "aws.date"
local error_of = require "aws.error"

local shape = {}

--- Raises: the credentials are configured but cannot be had. `remedy` says what to do.
function shape.fail(message, remedy)
  error(error_of.new {code = "CredentialsFailed", message = message, remedy = remedy, exit = 77}, 0)
end

local function epoch(value)
  if value == nil or type(value) == "number" then return value end
  return date.iso(value)
end

-- A stray line end from a file or a shell would break the headers it is put in.
local function check_clean(source, fields)
  for _, name in ipairs {"id", "key", "token"} do
    local value = fields[name]
    if value ~= nil and (type(value) ~= "string" or value:find("[%c]") or value:find("^%s") or value:find("%s$")) then
      shape.fail(("The credentials from %s have a blank or line break in the %s."):format(source,
        name == "id" and "access key id" or name == "key" and "secret key" or "session token"),
        "Copy it again, without what stands around it.")
    end
  end
end

--- A set of credentials from `fields`: id, key, token, expires (ISO text or epoch seconds), account.
-- The secret and the token become secret userdata, which print as <secret>.
function shape.new(ctx, source, fields)
  if type(fields.id) ~= "string" or type(fields.key) ~= "string" or fields.id == "" or fields.key == "" then
    shape.fail(("The credentials from %s are incomplete: the access key id or the secret is missing.")
      :format(source))
  end
  check_clean(source, fields)
  local expires = epoch(fields.expires)
  if fields.expires ~= nil and not expires then
    shape.fail(("The credentials from %s carry an end that is not a date."):format(source))
  end
  local token = fields.token
  if token == "" then token = nil end
  return {access_key_id = fields.id, secret_access_key = ctx.world.secret(fields.key),
    session_token = token and ctx.world.secret(token), expires = expires,
    account_id = fields.account, source = source}
end

--- The JSON object in `text`, or a raised sentence that says where it came from, never its text.
function shape.json(ctx, text, source)
  local value = ctx.world.json.decode(text or "")
  if type(value) ~= "table" then
    shape.fail(("What %s returned is not JSON."):format(source))
  end
  return value
end

--- The text of a file that the configuration names, without blanks at its ends.
function shape.file(ctx, path, what)
  local text, why = ctx.world.files(path)
  if not text then
    shape.fail(("Cannot read %s at %s: %s."):format(what, path, why or "there is no such file"))
  end
  return (text:match("^%s*(.-)%s*$"))
end

--- A GET or PUT of a provider on the local network, up to `tries` times; the response or nil, why.
function shape.fetch(ctx, request, timeout, tries)
  local why
  for n = 1, tries do
    local options = {connect_timeout = timeout, timeout = timeout * 2, max_body = 65536, proxy = "",
      no_proxy = "*"}
    local response, err = ctx.world.transport(request, options)
    if response and response.status < 500 then return response end
    why = response and "it answered with status " .. response.status or err.message
    if n < tries then ctx.world.sleep(0.05 * 2 ^ n) end
  end
  return nil, why
end

return shape
