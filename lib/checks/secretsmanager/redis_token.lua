--- 1.2: the cache's token has a schedule by which it is changed, and was changed within 90 days.
local control = require "checks"

local LIMIT <const> = 90                   -- days

local function day(time) return os.date("!%Y-%m-%d", time // 1 | 0) end

return control {
  id = "secretsmanager-redis-token", title = "The cache's token is changed by a schedule, and was lately",
  severity = "medium", requirement = "1.2", subjects = "account", needs = {"secretsmanager:ListSecrets"},
  command = "tidelock call secretsmanager list-secrets --region {region}",
  means = "The token of the cache is never changed, and whoever saw it once may come in for ever.",
  todo = "Keep the token in a secret under PREFIX/redis/ and set a rotation schedule.",
  read = function(aws, _, world)
    if not world.account.prefix then return {unknown = true} end
    for secret in aws.secretsmanager:items("list_secrets", {}) do
      if secret.Name:sub(1, #world.account.prefix + 7) == world.account.prefix .. "/redis/" then return secret end
    end
    return {}
  end,
  test = function(live, _, world)
    if live.unknown then return control.skip("no account file was given, so no secret is expected") end
    if not live.Name then return control.fail("there is no secret under %s/redis/", world.account.prefix) end
    if live.RotationEnabled ~= true then return control.fail("%s does not rotate", live.Name) end
    local due = live.NextRotationDate
    if type(due) ~= "number" then return control.fail("%s has no day of its next rotation", live.Name) end
    local changed = live.LastRotatedDate or live.LastChangedDate or live.CreatedDate
    if type(changed) ~= "number" then control.unknown("when %s was last changed is not told", live.Name) end
    local days = (world.now - changed) // 86400 | 0
    return control.judge(days <= LIMIT, ("changed %d day(s) ago, next on %s"):format(days, day(due)),
      ("%s was last changed %d days ago, on %s"):format(live.Name, days, day(changed)))
  end,
}
