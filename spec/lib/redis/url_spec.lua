-- url_spec.lua -- addresses of Redis servers.
local url = require "redis.url"

describe("redis.url", function()
  local GOOD <const> = {
    {"redis://h", {host = "h", port = 6379, tls = false}},
    {"rediss://h:1/2", {host = "h", port = 1, db = 2, tls = true}},
    {"redis://:p%40ss@h", {host = "h", port = 6379, password = "p@ss", tls = false}},
    {"redis://u:p:q@h/", {host = "h", port = 6379, user = "u", password = "p:q", tls = false}},
    {"redis://u@h", {host = "h", port = 6379, user = "u", tls = false}},
    {"redis://u:a@b@h", {host = "h", port = 6379, user = "u", password = "a@b", tls = false}},
    {"redis://[::1]:7000", {host = "::1", port = 7000, tls = false}},
    {"unix:///run/r.sock?db=3", {path = "/run/r.sock", db = 3, tls = false}},
    {"redis-sentinel://a,b:27000/2#main", {db = 2, tls = false, sentinel = {name = "main", tls = false,
      {host = "a", port = 26379}, {host = "b", port = 27000}}}},
    {"rediss-sentinel://u:p%40ss@[::1]#m-1", {user = "u", password = "p@ss", tls = true, sentinel = {name = "m-1",
      tls = true, {host = "::1", port = 26379}}}},
  }
  for _, case in ipairs(GOOD) do
    it("reads " .. case[1], function() assert.same(case[2], url.parse(case[1])) end)
  end

  for _, text in ipairs {"http://s3cret@h", "redis://s3cret@", "redis://:s3cret@h:x", "redis://:s3cret@h/db",
    "redis://:s3cret@h:70000", "redis://:s3cret@h?ssl=1", "unix://", "redis://::1", "h:6379",
    "redis-sentinel://:s3cret@h", "redis-sentinel://:s3cret@h/x#m", "redis-sentinel://:s3cret@h:0#m",
    "redis-sentinel://:s3cret@h,#m", "http-sentinel://:s3cret@h#m"} do
    it("refuses " .. text .. " without repeating it", function()
      local out, why = url.parse(text)
      assert.is_nil(out)
      assert.is_nil(why:find("s3cret", 1, true))
    end)
  end
end)
