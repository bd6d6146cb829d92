--- 1.2: secrets of databases and caches are changed by the clock, and it works.
local control = require "checks"

return control {
  id = "secretsmanager-rotation", title = "Secrets rotate, and did so lately", severity = "medium",
  fsbp = "SecretsManager.1, SecretsManager.2", requirement = "1.2", subjects = "secretsmanager.secret", needs = {},
  command = "tidelock call secretsmanager describe-secret --secret-id {name} --region {region}",
  means = "A secret that leaked stays good for ever.",
  todo = "Set a rotation schedule; if there is one, look why it failed.",
  test = function(live, _, world)
    if live.OwningService then return control.skip("%s rotates it", live.OwningService) end
    if live.RotationEnabled ~= true then return control.fail("no rotation is set") end
    local next_time = live.NextRotationDate
    if type(next_time) == "number" and next_time < world.now - 86400 then
      return control.fail("it should have been rotated on %s", os.date("!%Y-%m-%d", next_time // 1 | 0))
    end
    return control.pass("rotation is on")
  end,
}
