--- What AWS's own advisers say of costs: by saving, the best five as changes to make. Nothing of it is done here.
playbook {
  name = "harden/advice",
  about = "Advice on costs: Trusted Advisor's, or that of the advisers that need no support plan",
  vars = {
    old = {"seconds", default = "2d", min = 86400, about = "age from which Trusted Advisor is asked to look again"},
    patience = {"seconds", default = "3m", about = "how long that is waited for; then the older figures stand"},
  },
}

local DAY = 86400
local began = now()

-- Trusted Advisor's columns differ from check to check: what says the saving, and what names the thing.
local PLACES = {["Region/AZ"] = true, Region = true, Status = true, Zone = true}

local function columns(names)
  local money, thing
  for i, name in ipairs(names) do
    local lower = name:lower()
    if lower:find "saving" or not money and lower:find "monthly storage cost" then money = i end
    if not thing and not PLACES[name] then thing = i end
  end
  return money, thing or 1
end

local function result_of(check)
  return aws.support:describe_trusted_advisor_check_result {checkId = check.id, language = "en"}.result
end

-- Whole days since "2026-11-25T13:24:34Z".
local function age_of(text)
  local y, m, d = (text or ""):match "^(%d+)-(%d+)-(%d+)T"
  if not y then return math.huge end
  y, m, d = math.tointeger(y), math.tointeger(m), math.tointeger(d)
  if m <= 2 then y, m = y - 1, m + 12 end
  return began // DAY - (365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469)
end

-- Asks for new figures: nil, or why there are none. Some checks are refreshed by AWS alone, once a day or a week.
local function ask_anew(check)
  local ok, err = pcall(function() return aws.support:refresh_trusted_advisor_check {checkId = check.id} end)
  if ok then return nil end
  if type(err) ~= "table" or err.status == nil then error(err, 0) end
  if err.code == "InvalidParameterValueException" or err.code == "InvalidParameterValue" then
    return "AWS alone refreshes it"
  end
  return err.message or err.code
end

local function under_way(ids)
  for _, s in ipairs(aws.support:describe_trusted_advisor_check_refresh_statuses {checkIds = ids}.statuses) do
    if s.status == "enqueued" or s.status == "processing" then return true end
  end
  return false
end

-- The results of checks, looked at anew where they are old and that may be.
local function results_of(checks)
  local results, ids, late = task.map(checks, result_of, {concurrency = 4}), {}, {}
  for i, check in ipairs(checks) do
    if age_of(results[i].timestamp) >= var.old // DAY then
      local why = ask_anew(check)
      if why then
        print(("Trusted Advisor's figures of %s are of %s: %s"):format(check.name, results[i].timestamp or "no day",
          why))
      else
        ids[#ids + 1], late[i] = check.id, true
      end
    end
  end
  local waited = 0
  while #ids > 0 and waited < var.patience and under_way(ids) do
    local pause = math.min(5, var.patience - waited)
    task.sleep(pause)
    waited = waited + pause
  end
  for i in pairs(late) do results[i] = result_of(checks[i]) end
  return results
end

local function cost_checks()
  local out = {}
  for _, c in ipairs(aws.support:describe_trusted_advisor_checks {language = "en"}.checks) do
    if c.category == "cost_optimizing" then out[#out + 1] = c end
  end
  return out
end

local function trusted_advisor()
  local checks, out = cost_checks(), {}
  for i, result in ipairs(results_of(checks)) do
    local money, thing = columns(checks[i].metadata)
    for _, found in ipairs(result.flaggedResources or {}) do
      local saving = money and tonumber(((found.metadata[money] or ""):gsub("[^%d.]", "")))
      if not found.isSuppressed then
        out[#out + 1] = {saving = saving or 0, what = checks[i].name, region = found.region,
          on = found.metadata[thing] or found.resourceId, from = "Trusted Advisor"}
      end
    end
  end
  return out
end

local function optimization_hub()
  local out = {}
  for r in aws:client("cost-optimization-hub", {region = "us-east-1"}):items("list_recommendations", {}) do
    out[#out + 1] = {saving = r.estimatedMonthlySavings or 0, region = r.region, from = "Cost Optimization Hub",
      on = r.resourceArn or r.resourceId, what = ("%s %s, from %s to %s"):format(r.actionType or "change",
        r.currentResourceType or "", r.currentResourceSummary or "?", r.recommendedResourceSummary or "nothing")}
  end
  return out
end

local function best_option(options)
  local best
  for _, option in ipairs(options or {}) do
    local value = ((option.savingsOpportunity or {}).estimatedMonthlySavings or {}).value or 0
    if not best or value > best.saving then best = {saving = value, option = option} end
  end
  return best or {saving = 0, option = {}}
end

-- All pages of an operation of which the model does not say that it has any.
local function all_of(member, ask)
  local out, token = {}, nil
  repeat
    local answer = ask {nextToken = token}
    local list = answer[member] or {}
    table.move(list, 1, #list, #out + 1, out)
    token = answer.nextToken
  until not token
  return out
end

local function compute_optimizer()
  local out = {}
  for _, r in ipairs(all_of("ecsServiceRecommendations", function(page)
    return aws.compute_optimizer:get_ecs_service_recommendations(page)
  end)) do
    local best = best_option(r.serviceRecommendationOptions)
    if best.saving > 0 then
      out[#out + 1] = {saving = best.saving, on = r.serviceArn, from = "Compute Optimizer",
        what = ("give the service %s CPU and %s MB"):format(best.option.cpu or "?", best.option.memory or "?")}
    end
  end
  for _, r in ipairs(all_of("rdsDBRecommendations", function(page)
    return aws.compute_optimizer:get_rds_database_recommendations(page)
  end)) do
    local best = best_option(r.instanceRecommendationOptions)
    if best.saving > 0 or r.idle == "True" then
      out[#out + 1] = {saving = best.saving, on = r.resourceArn, from = "Compute Optimizer",
        what = r.idle == "True" and "the database is idle: stop it, or keep a snapshot of it"
          or ("make it %s instead of %s"):format(best.option.dbInstanceClass or "?", r.currentDBInstanceClass or "?")}
    end
  end
  return out
end

local ADVISERS = {
  {name = "Trusted Advisor", ask = trusted_advisor, none = {SubscriptionRequiredException = "the support plan does not"
    .. " include it (it takes Business or Enterprise)"}},
  {name = "Cost Optimization Hub", ask = optimization_hub, second = true, none = {AccessDeniedException = "the account"
    .. " is not enrolled: tidelock call cost-optimization-hub update-enrollment-status --status Active --region"
    .. " us-east-1", ValidationException = "the account is not enrolled"}},
  {name = "Compute Optimizer", ask = compute_optimizer, second = true, none = {OptInRequiredException = "the account"
    .. " has not opted in: tidelock call compute-optimizer update-enrollment-status --status Active"}},
}

-- Those that need no support plan are asked where Trusted Advisor cannot be.
local function advise()
  local out = {advice = {}, silent = {}}
  for _, adviser in ipairs(ADVISERS) do
    if not adviser.second or out.silent["Trusted Advisor"] then
      local ok, list = pcall(adviser.ask)
      local code = not ok and type(list) == "table" and list.code
      if ok then
        table.move(list, 1, #list, #out.advice + 1, out.advice)
        out.asked = (out.asked or 0) + 1
      elseif code then
        out.silent[adviser.name] = adviser.none[code] or list.message or code
        print(("%s could not be asked: %s"):format(adviser.name, out.silent[adviser.name]))
      else
        error(list, 0)
      end
    end
  end
  table.sort(out.advice, function(a, b)
    if a.saving ~= b.saving then return a.saving > b.saving end
    return tostring(a.on) < tostring(b.on)
  end)
  return out
end

local function tell(found)
  local sum = 0
  for _, a in ipairs(found.advice) do sum = sum + a.saving end
  print(("%d pieces of advice, %.2f USD a month in all"):format(#found.advice, sum))
  for i, a in ipairs(found.advice) do
    print(("  %s%.2f USD a month: %s: %s (%s)"):format(i <= 5 and "proposed: " or "", a.saving, a.on, a.what, a.from))
  end
  found.saving = sum
  return found
end

local advice = step "ask for advice" {
  run = function() return tell(advise()) end,
  probe = function() return false end,                                -- killed on the way: asking twice does no harm
}
check "somebody gives advice on costs" {severity = "warning", test = function()
  if advice.asked then return true, ("%d asked"):format(advice.asked) end
  local why = {}
  for name, reason in pairs(advice.silent) do why[#why + 1] = name .. ": " .. reason end
  return false, "nobody could be asked. " .. table.concat(why, "; ")
end}

output {advice = advice}
