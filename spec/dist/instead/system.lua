--- What busted asks luasystem for, on tidelock.loop: the static interpreter can load no library of C.
local loop = require "tidelock.loop"

return {gettime = loop.time, monotime = loop.now, sleep = loop.sleep}
