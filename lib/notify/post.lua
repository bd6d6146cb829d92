--- JSON to a web address whose very name is a secret: three tries, and no word of the address in what is said.
local loop = require "tidelock.loop"
local proxy = require "proxy"

local post = {}

local TRIES <const>, FIRST_PAUSE <const>, LONGEST <const>, LIMIT <const> = 3, 1, 30, 15     -- seconds but for TRIES
local LOOPBACK <const> = {["127.0.0.1"] = true, ["[::1]"] = true, localhost = true}

-- scheme, host, path, query; or nil and why.
local function parts(url)
  local scheme, host, rest = url:match "^(https?)://([^/?#]+)([^#]*)"
  if not scheme then return nil, "it holds no http address" end
  if scheme == "http" and not LOOPBACK[host:gsub(":%d+$", "")] then
    return nil, "its address is http, which anybody on the way can read; give an https one"
  end
  local path, query = rest:match "^([^?]*)%??(.*)$"
  return {scheme = scheme, host = host, path = path == "" and "/" or path, query = query}
end

local function worth_another(answer, err)
  if not answer then return err.code ~= "tls" end
  return answer.status == 429 or answer.status >= 500
end

-- Seconds that the server asks to be left alone, or the usual pause.
local function pause(answer, try)
  local asked = answer and tonumber(answer.headers["retry-after"] or "")
  return math.min(asked or FIRST_PAUSE * 2 ^ (try - 1), LONGEST)
end

local function reason(answer, err, tries)
  local why = answer and ("answered with status %d"):format(answer.status)
    or ("could not be reached (%s)"):format(err.code or "?")
  return ("%s, after %d %s"):format(why, tries, tries == 1 and "try" or "tries")
end

--- Posts `data` as JSON to `url`. Connection errors, 429 and 5xx are tried again; other answers are final.
-- @return true; or nil and what came of it, which never says the address
function post.json(url, data, options)
  options = options or {}
  local target, why = parts(url)
  if not target then return nil, why end
  target.method = "POST"
  target.headers = {["Content-Type"] = "application/json"}
  target.body = require "tidelock.json".encode(data, {sort = true})
  local send, sleep = options.send or require "tidelock.http".send, options.sleep or loop.sleep
  local way = proxy.options(target, {connect_timeout = LIMIT, timeout = LIMIT, max_body = 65536})
  for try = 1, TRIES do
    local answer, err = send(target, way)
    if answer and answer.status < 300 then return true end
    if try == TRIES or not worth_another(answer, err) then return nil, reason(answer, err, try) end
    sleep(pause(answer, try))
  end
end

return post
