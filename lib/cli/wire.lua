--- What went over the wire, for `call`: the answers' texts, and for its debug option each request's line and
-- headers. No secret is shown.
local wire = {}

-- Headers and parts of a query that let somebody in, or open what is stored.
local HIDDEN <const> = {"authorization", "token", "customer%-key", "cookie", "signature", "credential", "password",
  "secret", "api%-?key"}

local function shown(name, value)
  for _, part in ipairs(HIDDEN) do
    if name:lower():find(part) then return "<secret>" end
  end
  return value
end

local function url_of(request)
  local query = (request.query or ""):gsub("([^&=]+)=([^&]*)", function(name, value)
    return name .. "=" .. shown(name, value)
  end)
  return ("%s://%s%s%s"):format(request.scheme, request.host, request.path, query ~= "" and "?" .. query or "")
end

local function tell_headers(say, mark, headers)
  local names = {}
  for name in pairs(headers or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do say(("%s   %s: %s"):format(mark, name, shown(name, tostring(headers[name])))) end
end

local function size(body)
  return type(body) == "string" and (", %d bytes"):format(#body) or ""
end

local function tell(say, request, response, err, ms)
  say(("> %s %s%s"):format(request.method, url_of(request), size(request.body)))
  tell_headers(say, ">", request.headers)
  if not response then return say(("< nothing after %.0f ms: %s"):format(ms, err and err.message or "?")) end
  say(("< %s after %.0f ms%s"):format(response.status, ms, size(response.body)))
  tell_headers(say, "<", response.headers)
end

--- Looks on at what `world` sends: texts of answers go to the list `bodies`, lines on each request to `say`.
function wire.watch(world, bodies, say)
  local send, now = world.transport, world.monotonic
  rawset(world, "transport", function(request, options)
    local began = now()
    local response, err = send(request, options)
    if say then tell(say, request, response, err, (now() - began) * 1000) end
    if response and response.status < 300 and type(response.body) == "string" then
      bodies[#bodies + 1] = response.body
    end
    return response, err
  end)
end

return wire
