--- http: a request to an address that is no AWS API, from a step or a check. Signed where the address asks for AWS
-- credentials (a function's URL).
local loop = require "tidelock.loop"
local seen = require "playbook.seen"

local web = {}

local MOST <const> = 8 * 1024 * 1024        -- bytes of an answer
local FIELDS <const> = {url = "string", headers = "table", body = "string", timeout = "number", sign = "string",
  ca = "string", cert = "string", key = "string"}

local function check(what, request)
  if type(request) == "string" then request = {url = request} end
  if type(request) ~= "table" then error(("http.%s takes an address, or a table with url"):format(what), 3) end
  local names = {}
  for name in pairs(FIELDS) do names[#names + 1] = name end
  for name, value in pairs(request) do
    if not FIELDS[name] then
      error(("http.%s: %s is not known%s"):format(what, tostring(name),
        require "suggest".phrase(tostring(name), names)), 3)
    elseif type(value) ~= FIELDS[name] then
      error(("http.%s: %s must be a %s, not a %s"):format(what, name, FIELDS[name], type(value)), 3)
    end
  end
  local scheme, host, rest = (request.url or ""):match "^(https?)://([^/?#@]+)([^#]*)$"
  if not scheme then error(("http.%s: %q is no http address"):format(what, tostring(request.url)), 3) end
  local path, query = rest:match "^([^?]*)%??(.*)$"
  return request, {scheme = scheme, host = host, path = path == "" and "/" or path, query = query}
end

local function sign(engine, out, service)
  require "tidelock.sigv4".sign(out, engine.recorder.session:credentials(), {service = service, region = engine.region,
    time = math.floor(loop.time()), double_encode = true, normalize = true})
end

-- What the answer's own words would leave out: what was asked of whom.
local function send(engine, method, request, out)
  seen.over(engine)
  out.method, out.body, out.headers = method, request.body, {["User-Agent"] = "tidelock"}
  for name, value in pairs(request.headers or {}) do out.headers[name] = value end
  if request.body and not out.headers["Content-Type"] then out.headers["Content-Type"] = "application/json" end
  if request.sign then sign(engine, out, request.sign) end
  local timeout = request.timeout or 30
  local options = {timeout = timeout, connect_timeout = math.min(5, timeout), max_body = MOST, ca = request.ca,
    cert = request.cert, key = request.key}
  local answer, err = require "tidelock.http".send(out, require "proxy".options(out, options))
  if not answer then
    error({code = "Unreachable", message = ("%s %s://%s%s failed: %s"):format(method, out.scheme, out.host, out.path,
      err.message)}, 0)
  end
  return {status = answer.status, headers = answer.headers, body = answer.body or ""}
end

--- The word http for the playbook that `engine` runs: http.get(address) and http.post {url =, body =, headers =,
-- timeout =, sign = "lambda", ca =, cert =, key =}, each {status =, headers =, body =}; ca, cert and key are files. Any
-- status is an answer; none at all is an error.
function web.word(engine)
  local function request(method, what)
    return function(given)
      local own, out = check(what, given)
      if not engine.in_step then
        error(("http.%s cannot be called here, where a plan would call it too; put it into a step's run function")
          :format(what), 2)
      end
      if method == "POST" and engine.in_step.only_looks then
        require "playbook.find".refuse(engine, "http.post may change something")
      end
      return send(engine, method, own, out)
    end
  end
  return {get = request("GET", "get"), post = request("POST", "post")}
end

return web
