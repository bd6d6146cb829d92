--- Functions run on what AWS still mends, and goes on mending for a while.
local control = require "checks"

local SOON <const> = 90                    -- days: so long before, somebody should begin to move

-- The day on which AWS gives each up, by its page of runtimes; true where it has named none yet.
local ENDS <const> = {
  ["nodejs"] = "2016-10-31", ["nodejs4.3"] = "2020-03-05", ["nodejs4.3-edge"] = "2019-04-30",
  ["nodejs6.10"] = "2019-08-12", ["nodejs8.10"] = "2020-03-06", ["nodejs10.x"] = "2021-07-30",
  ["nodejs12.x"] = "2023-03-31", ["nodejs14.x"] = "2023-12-04", ["nodejs16.x"] = "2024-06-12",
  ["nodejs18.x"] = "2025-09-01", ["nodejs20.x"] = "2026-04-30", ["nodejs22.x"] = "2027-04-30",
  ["nodejs24.x"] = "2028-04-30", ["nodejs26.x"] = true,
  ["python2.7"] = "2021-07-15", ["python3.6"] = "2022-07-18", ["python3.7"] = "2023-12-04",
  ["python3.8"] = "2024-10-14", ["python3.9"] = "2025-12-15", ["python3.10"] = "2026-10-31",
  ["python3.11"] = "2027-06-30", ["python3.12"] = "2028-10-31", ["python3.13"] = "2029-06-30",
  ["python3.14"] = "2029-06-30", ["python3.15"] = true,
  ["java8"] = "2024-01-08", ["java8.al2"] = "2027-06-30", ["java8.al2023"] = true, ["java11"] = "2027-06-30",
  ["java11.al2023"] = true, ["java17"] = "2027-06-30", ["java17.al2023"] = true, ["java21"] = "2029-06-30",
  ["java25"] = "2029-06-30",
  ["dotnetcore1.0"] = "2019-07-30", ["dotnetcore2.0"] = "2019-05-30", ["dotnetcore2.1"] = "2022-01-05",
  ["dotnetcore3.1"] = "2023-04-03", ["dotnet6"] = "2024-12-20", ["dotnet8"] = "2026-11-10",
  ["dotnet10"] = "2028-11-14",
  ["ruby2.5"] = "2021-07-30", ["ruby2.7"] = "2023-12-07", ["ruby3.2"] = "2026-03-31", ["ruby3.3"] = "2027-03-31",
  ["ruby3.4"] = "2028-03-31", ["ruby4.0"] = true,
  ["go1.x"] = "2024-01-08", ["provided"] = "2024-01-08", ["provided.al2"] = "2026-07-31",
  ["provided.al2023"] = "2029-06-30", ["custom"] = true,
}

-- Days from now to a day that is written 2027-04-30.
local function days_to(day, now)
  local y, m, d = day:match "^(%d+)-(%d+)-(%d+)$"
  local at = os.time {year = y, month = m, day = d, hour = 12}
  local today = os.time(os.date("!*t", now // 1 | 0))
  return math.ceil((at - today) / 86400)
end

return control {
  id = "lambda-runtime", title = "Functions run on supported runtimes", severity = "medium", fsbp = "Lambda.2",
  subjects = "lambda.function", needs = {},
  command = "tidelock call lambda get-function-configuration --function-name {name} --region {region}",
  means = "Holes in the runtime are not mended any more, and one day the function cannot be changed.",
  todo = "Move the function to a newer runtime.",
  test = function(live, _, world)
    if live.PackageType == "Image" then return control.skip("an image brings its own runtime") end
    local runtime = live.Runtime or ""
    local ends = ENDS[runtime]
    if not ends then return control.warn("until when runtime %s is supported is not known here", runtime) end
    if ends == true then return control.pass("%s, whose end AWS has not named", runtime) end
    local left = days_to(ends, world.now)
    if left <= 0 then return control.fail("runtime %s is no longer supported since %s", runtime, ends) end
    if left <= SOON then return control.warn("runtime %s ends on %s, in %d day(s)", runtime, ends, left) end
    return control.pass("%s, until %s", runtime, ends)
  end,
}
