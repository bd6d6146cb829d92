--- The dates that credentials and headers carry, as seconds since 1970. Pure.
local date = {}

local MONTHS <const> = {Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8,
  Sep = 9, Oct = 10, Nov = 11, Dec = 12}

-- Days from 1970-01-01: years begin in March, so that a leap day is the last of its year.
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local yoe = year - era * 400
  local doy = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end

local function seconds(year, month, day, hour, min, sec)
  return days(year, month, day) * 86400 + hour * 3600 + min * 60 + sec
end

--- Epoch seconds of "2026-01-02T03:04:05Z" (fraction and offset allowed), or nil.
function date.iso(text)
  local y, mo, d, h, mi, s, rest =
    tostring(text):match("^(%d%d%d%d)-(%d%d)-(%d%d)[T ](%d%d):(%d%d):(%d%d)(.*)$")
  if not y then return nil end
  local zone = rest:gsub("^%.%d+", "")
  local sign, oh, om = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not (sign or zone == "Z" or zone == "UTC" or zone == "") then return nil end
  local offset = sign and (oh * 3600 + om * 60) * (sign == "-" and -1 or 1) or 0
  local n = tonumber
  return seconds(n(y), n(mo), n(d), n(h), n(mi), n(s)) - offset
end

--- Epoch seconds of "Fri, 02 Jan 2026 03:04:05 GMT" (a Date header), or nil.
function date.http(text)
  local d, name, y, h, mi, s =
    tostring(text):match("^%a+, (%d%d?) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d)")
  if not (d and MONTHS[name]) then return nil end
  local n = tonumber
  return seconds(n(y), MONTHS[name], n(d), n(h), n(mi), n(s))
end

--- The ISO text of epoch seconds.
function date.text(epoch)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(epoch))
end

return date
