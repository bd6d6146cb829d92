-- RESP: replies of RESP2 and RESP3, whole and cut off. A prefix of what was taken is taken too, to the same replies.
local redis = require "tidelock.redis"

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b or (a ~= a and b ~= b) end
  for k, v in pairs(a) do
    if type(k) ~= "table" and not same(v, b[k]) then return false end
  end
  return true
end

local function target(bytes)
  local replies, err = redis.decode(bytes)
  if not replies then
    assert(err.code == "protocol" and #err.message < 400, "a refusal without its reason")
    return
  end
  for cut = 1, 3 do
    local part = redis.decode(bytes:sub(1, #bytes * cut // 4))
    assert(part and #part <= #replies, "a prefix has more in it than the whole")
    for i, reply in ipairs(part) do assert(same(reply, replies[i]), "a prefix has other replies") end
  end
end

local function seeds()
  return {"+OK\r\n", "-WRONGTYPE no\r\n", ":-42\r\n", "$5\r\nhello\r\n", "$-1\r\n", "$0\r\n\r\n",
    "*3\r\n:1\r\n$1\r\na\r\n*0\r\n", "*-1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", ",inf\r\n", ",nan\r\n",
    "(3492890328409238509324850943850943825024385\r\n", "!5\r\nERR x\r\n", "=7\r\ntxt:abc\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", "~2\r\n:1\r\n:2\r\n", ">3\r\n+message\r\n+c\r\n+x\r\n",
    "|1\r\n+ttl\r\n:3600\r\n+value\r\n",
    "*7\r\n$8\r\nadmitted\r\n:30000\r\n:1790000030000\r\n:1790000000000\r\n$0\r\n\r\n"
      .. ":1\r\n$1\r\nn\r\n"}
end

return target, seeds
