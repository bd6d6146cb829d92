--- Access keys are changed every 90 days: both of a user's, by the day they were made.
local control = require "checks"

local LIMIT <const> = 90

local function seconds(time)
  if type(time) == "number" then return time end
  local y, m, d = tostring(time):match "^(%d+)-(%d+)-(%d+)"
  return y and os.time {year = y, month = m, day = d, hour = 12} or nil
end

return control {
  id = "iam-key-age", title = "Active access keys are younger than 90 days", severity = "medium", fsbp = "IAM.3",
  cis = "1.14", subjects = "iam.user", needs = {"iam:ListAccessKeys"},
  command = "tidelock call iam list-access-keys --user-name {name}",
  means = "A key that leaked long ago still opens the account.",
  todo = "Make a new key, use it, then deactivate and delete the old one.",
  read = function(aws, subject) return aws.iam:items("list_access_keys", {UserName = subject.name}) end,
  test = function(keys, _, world)
    local active, old, limit = 0, {}, (world.account.thresholds or {}).key_age_days or LIMIT
    for key in keys do
      if key.Status == "Active" then
        active = active + 1
        local made = seconds(key.CreateDate)
        if not made then control.unknown("IAM does not say when key ...%s was made", key.AccessKeyId:sub(-4)) end
        local days = (world.now - made) // 86400
        if days > limit then old[#old + 1] = ("...%s is %d days old"):format(key.AccessKeyId:sub(-4), days // 1 | 0) end
      end
    end
    if active == 0 then return control.skip("no active key") end
    return control.judge(#old == 0, ("%d active key(s), none older than %d days"):format(active, limit),
      table.concat(old, ", "))
  end,
}
