-- sigv4.lua -- reads the signing vectors: a folder a case, a file a stage.
local vectors = {}

local ROOT <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/sigv4/"

function vectors.read(path)
  local file <close>, why = io.open(path, "rb")
  return file and file:read "a", why
end

--- The text of a stage's file without the line end that an editor left, or nil where the suite has none.
function vectors.stage(case, name)
  local text = vectors.read(case.folder .. "/" .. name)
  return text and (text:gsub("\n$", ""))
end

--- A request as the suite writes it: raw path, folded and repeated headers joined as HTTP would.
function vectors.request(text)
  local head, body = text:match "^(.-)\n\n(.*)$"
  local first, rest = (head or text):match "^([^\n]*)\n?(.*)$"
  local method, target = first:match "^(%S+) (.*) HTTP/1.1$"
  local path, query = target:match "^([^?]*)%??(.*)$"
  local request = {method = method, path = path, query = query, headers = {}, body = body ~= "" and body or nil}
  for name, value in (rest:gsub("\n[ \t]+", "\n  ") .. "\n"):gsub("\n  ", " "):gmatch "([^:\n]+):([^\n]*)\n" do
    if name == "Host" then request.host = value
    else request.headers[name] = request.headers[name] and request.headers[name] .. "," .. value or value end
  end
  return request
end

local function context(text)
  local function field(name) return text:match('"' .. name .. '":%s*"?([^",\n}]*)') end
  local y, m, d, hour, min, sec = field("timestamp"):match "(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z"
  -- os.time takes local time; the difference to UTC at that moment is taken out again.
  local guess = os.time {year = y, month = m, day = d, hour = hour, min = min, sec = sec, isdst = false}
  local utc = os.date("!*t", guess)
  utc.isdst = false
  local credentials = {access_key_id = field "access_key_id", secret_access_key = field "secret_access_key",
    session_token = field "token"}
  local options = {region = field "region", service = field "service", time = 2 * guess - os.time(utc),
    normalize = field "normalize" == "true", content_sha = field "sign_body" == "true",
    omit_token = field "omit_session_token" == "true"}
  return credentials, options, tonumber(field "expiration_in_seconds")
end

--- All cases of "v4" or "v4a": {name, folder, request(), credentials, options, expires}. Nil where there are none.
function vectors.cases(suite)
  local list, cases = io.popen("ls " .. ROOT .. suite .. " 2>/dev/null"), {}
  for name in list:lines() do
    local case = {name = name, folder = ROOT .. suite .. "/" .. name}
    case.credentials, case.options, case.expires = context(assert(vectors.read(case.folder .. "/context.json")))
    function case.request() return vectors.request(assert(vectors.read(case.folder .. "/request.txt"))) end
    cases[#cases + 1] = case
  end
  list:close()
  return #cases > 0 and cases or nil
end

return vectors
