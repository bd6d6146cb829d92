-- soak.lua -- large objects up and down in flat memory: tidelua spec/bench/soak.lua [BYTES] [--check MEGABYTES].
-- Prints a line a way: seconds, MB a second, and the most memory that the process ever held.
package.path = "lib/?.lua;lib/?/init.lua;spec/?.lua;" .. package.path
local aws = require "aws"
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local objects = require "support.objects"
local proc = require "tidelock.proc"

local size = math.tointeger(tonumber(arg[1] or "") or 64 << 20)
local most = arg[2] == "--check" and tonumber(arg[3]) or nil

local function held()
  local file <close> = assert(io.open "/proc/self/status")
  return tonumber(file:read("a"):match "VmHWM:%s*(%d+)") / 1024
end

local function session(store)
  return aws.session {environ = store.env, files = function() return nil end}.s3
end

local function say(what, began)
  local seconds = loop.now() - began
  print(("%-40s %7.2f s %7.0f MB/s %6.1f MB held"):format(what, seconds, size / seconds / 1e6, held()))
end

local function up(store, what, framing, body)
  local began = loop.now()
  local seen = json.decode(session(store):put_object({Bucket = "bkt", Key = "k", Body = body}).VersionId)
  assert(seen.length == size and seen.framing:find(framing, 1, true), json.encode(seen))
  say(what, began)
end

local function pieces()
  local block, left = ("a tide that does not turn. "):rep(4096), size
  return {length = size, read = function()
    if left == 0 then return nil end
    local piece = left < #block and block:sub(1, left) or block
    left = left - #piece
    return piece
  end}
end

local function down(store, folder, what)
  local s3, began, key = session(store), loop.now(), tostring(size)
  s3:get_object({Bucket = "bkt", Key = key}, {to = folder .. "/down"})
  assert(fs.stat(folder .. "/down").size == size)
  os.remove(folder .. "/down")
  say(what .. " to a file", began)
  local n
  began, n = loop.now(), 0
  for piece in s3:get_object({Bucket = "bkt", Key = key}, {by_pieces = true}).Body do n = n + #piece end
  assert(n == size)
  say(what .. " by pieces", began)
end

local folder = assert(proc.run {"mktemp", "-d"}).stdout:match "%S+"
local file = folder .. "/up"
assert(proc.run({"truncate", "-s", tostring(size), file}).code == 0)
local plain, tls = objects.start(), objects.start {tls = true}
local ok, err = pcall(function()
  print(("%.0f MB; %.1f MB held at the start"):format(size / 1e6, held()))
  up(plain, "http, file, signed by its hash", "", {path = file})
  up(plain, "http, pieces, each signed, sum behind", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", pieces())
  up(tls, "https, file, sum behind", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", {path = file})
  up(tls, "https, pieces, sum behind", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", pieces())
  down(plain, folder, "http, down")
  down(tls, folder, "https, down")
  if most then assert(held() < most, ("%.1f MB were held, %d are allowed"):format(held(), most)) end
end)
plain:stop()
tls:stop()
proc.run {"rm", "-rf", folder}
assert(ok, err)
