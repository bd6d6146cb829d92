--- What a PostgreSQL says to one who knocks, without a client library: whether it takes a plain connection, whether it
-- speaks TLS and with which certificate. Nothing is logged in to. And the sslmode of connection URLs.
local postgres = {}

local SSL_REQUEST <const> = string.pack(">I4I4", 8, 80877103)
local PROTOCOL <const> = 196608                     -- 3.0
local MOST <const> = 64 * 1024                      -- of a message: what is longer is no PostgreSQL

local function fail(code, message, ...) return nil, {code = code, message = message:format(...)} end

local function connect(where)
  local socket = require "tidelock.socket"
  return socket.connect {host = where.at or where.host, port = where.port or 5432, timeout = where.timeout or 5}
end

-- ## The protocol's first words

local function startup(user, database)
  local text = string.pack(">I4zzzzB", PROTOCOL, "user", user, "database", database, 0)
  return string.pack(">I4", #text + 4) .. text
end

local function exactly(s, n)
  local parts, left = {}, n
  while left > 0 do
    local part, err = s:read(left)
    if not part then return nil, err end
    parts[#parts + 1], left = part, left - #part
  end
  return table.concat(parts)
end

-- A message: its letter and its body.
local function message(s, where)
  local head, err = exactly(s, 5)
  if not head then return nil, err end
  local kind, size = string.unpack(">c1I4", head)
  if size < 4 or size > MOST then
    return fail("protocol", "%s:%d does not speak PostgreSQL's protocol; is it the right port?", where.host,
      where.port or 5432)
  end
  if size == 4 then return kind, "" end
  local body, why = exactly(s, size - 4)
  if not body then return nil, why end
  return kind, body
end

-- The fields of an error: S severity, C code, M message.
local function fields_of(body)
  local out = {}
  for kind, text in body:gmatch "(%a)([^%z]*)%z" do out[kind] = text end
  return out
end

--- Whether the server lets one in without TLS: knocks in plain and sees what comes. where: host, port, user, database,
-- timeout; `at`, where the host is reached by another address (a tunnel). Returns {refused = true | false, code =,
-- message =}; nil, err where that could not be found out.
function postgres.plain(where)
  local s <close>, err = connect(where)             -- luacheck: ignore
  if not s then return nil, err end
  local sent, why = s:write(startup(where.user or "postgres", where.database or "postgres"))
  if not sent then return nil, why end
  local kind, body = message(s, where)
  if not kind then return nil, body end
  if kind == "E" then
    local e = fields_of(body)
    -- 28000: no entry of pg_hba.conf lets a plain connection in. Other errors say nothing of TLS.
    if e.C == "28000" then return {refused = true, code = e.C, message = e.M} end
    return fail("refused", "%s:%d refused for another reason than the lack of TLS: %s (%s)", where.host,
      where.port or 5432, tostring(e.M), tostring(e.C))
  end
  if kind == "R" then
    return {refused = false, message = "it asks for a password in a plain connection"}
  end
  return fail("protocol", "%s:%d answered with %q, which is no beginning of PostgreSQL's protocol", where.host,
    where.port or 5432, kind)
end

--- Who answers with TLS: as socket:tls says. where: as above, and ca (file of authorities), verify (default true).
-- The name in the certificate must be `host`, wherever it was reached.
function postgres.tls(where)
  local s <close>, err = connect(where)             -- luacheck: ignore
  if not s then return nil, err end
  local sent, why = s:write(SSL_REQUEST)
  if not sent then return nil, why end
  local answer, failed = s:read(1)
  if not answer then return nil, failed end
  if answer ~= "S" then
    return fail("tls", "%s:%d does not speak TLS (it answers %q to the question)", where.host, where.port or 5432,
      answer)
  end
  return s:tls {name = where.host, ca = where.ca, verify = where.verify}
end

--- Both: {plain = "refused" | "taken", tls = who answers, why =}. `err` where it could not be reached.
function postgres.probe(where)
  local plain, err = postgres.plain(where)
  if not plain then return nil, err end
  local tls, why = postgres.tls(where)
  return {plain = plain.refused and "refused" or "taken", said = plain.message, tls = tls, why = why and why.message}
end

-- ## URLs

local STRICT <const> = {disable = 0, allow = 1, prefer = 2, require = 3, ["verify-ca"] = 4, ["verify-full"] = 5}

local function text_of(value)
  local secret = require "tidelock.secret"
  return secret.is(value) and secret.reveal(value) or value
end

local function url_of(text)
  local rest = text:match "^postgres://(.+)$" or text:match "^postgresql://(.+)$"
  if not rest then return nil end
  local authority = rest:match "^[^/?#]*"
  local host = (authority:match "@([^@]*)$" or authority):gsub(":%d+$", "")
  local query = rest:match "%?([^#]*)" or ""
  return {host = host, sslmode = ("&" .. query):match "&sslmode=([^&]*)"}
end

-- A JSON object, as secrets often are: its members; nil for any other text.
local function members(text)
  if not text:find "^%s*{" then return nil end
  local ok, value = pcall(require "tidelock.json".decode, text)
  return ok and type(value) == "table" and value or nil
end

--- Whether an sslmode is at least as strict as another; none is libpq's own `prefer`.
function postgres.at_least(mode, wanted) return (STRICT[mode or "prefer"] or 0) >= STRICT[wanted] end

--- What a text or secret says of TLS, and never more of it: a list of {host =, sslmode =, key = name in a JSON object}
-- for each connection URL of PostgreSQL in it that asks for less than `wanted` (default: for each).
function postgres.urls(value, wanted)
  local text, out = text_of(value), {}
  if type(text) ~= "string" then return out end
  local function add(one, key)
    local url = type(one) == "string" and url_of(one)
    if not url or (wanted and postgres.at_least(url.sslmode, wanted)) then return end
    url.key = key
    out[#out + 1] = url
  end
  local object = members(text)
  if not object then add(text) end
  for key, one in pairs(object or {}) do add(one, key) end
  table.sort(out, function(a, b) return (a.key or "") < (b.key or "") end)
  return out
end

local function secured(text, mode)
  local url = url_of(text)
  if not url or postgres.at_least(url.sslmode, mode) then return text end
  local front, query, tail = text:match "^([^?#]*)%??([^#]*)(#?.*)$"
  local parts = {}
  for part in query:gmatch "[^&]+" do
    if not part:find "^sslmode=" then parts[#parts + 1] = part end
  end
  parts[#parts + 1] = "sslmode=" .. mode
  return front .. "?" .. table.concat(parts, "&") .. tail
end

-- The members of an object with their URLs changed, and whether any was.
local function secured_members(object, mode)
  local changed = false
  for key, one in pairs(object) do
    local better = type(one) == "string" and secured(one, mode) or one
    changed, object[key] = changed or better ~= one, better
  end
  return changed
end

--- The same text with this sslmode in its URLs that ask for less; a secret, since there may be a password in it.
function postgres.secured(value, mode)
  local text = text_of(value)
  local object = members(text)
  if not object then
    text = secured(text, mode)
  elseif secured_members(object, mode) then
    text = require "tidelock.json".encode(object, {sort = true})
  end
  return require "tidelock.secret".new(text)
end

return postgres
