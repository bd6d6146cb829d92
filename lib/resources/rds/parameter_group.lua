--- rds.parameter_group: a DB parameter group and those of its parameters that the playbook gives; others stay.
-- What is static waits for a reboot of the databases that use it; what is dynamic is in force at once.
local resource = require "resources"
local suggest = require "suggest"

local BATCH <const> = 20                             -- parameters that one call takes

local function text(value)
  if value == true or value == false then return value and "1" or "0" end
  return tostring(math.tointeger(value) or value)
end

local function texts(parameters)
  local out = {}
  for name, value in pairs(parameters or {}) do out[name] = text(value) end
  return out
end

local function set_by_people(aws, group)
  local out = {}
  for p in aws.rds:items("describe_db_parameters", {DBParameterGroupName = group, Source = "user"}) do
    out[p.ParameterName] = p.ParameterValue
  end
  return out
end

-- Every parameter that the family has, by name: which of them a reboot is needed for is written there alone.
local function all_of(aws, group)
  local out, names = {}, {}
  for p in aws.rds:items("describe_db_parameters", {DBParameterGroupName = group}) do
    out[p.ParameterName], names[#names + 1] = p, p.ParameterName
  end
  return out, names
end

local function refuse(group, faults)
  table.sort(faults)
  error({code = "InvalidParameterValue", message = ("parameter group %s cannot have what is wanted, so nothing of it"
    .. " was set: %s"):format(group, table.concat(faults, "; "))}, 0)
end

local function rows_of(aws, group, wanted)
  local known, names = all_of(aws, group)
  local rows, faults = {}, {}
  for name, value in pairs(wanted) do
    local p = known[name]
    if not p then
      faults[#faults + 1] = ("there is no parameter %s%s"):format(name, suggest.phrase(name, names))
    elseif p.IsModifiable == false then
      faults[#faults + 1] = ("%s cannot be changed"):format(name)
    else
      rows[#rows + 1] = {ParameterName = name, ParameterValue = value,
        ApplyMethod = p.ApplyType == "static" and "pending-reboot" or "immediate"}
    end
  end
  if #faults > 0 then refuse(group, faults) end
  table.sort(rows, function(a, b) return a.ParameterName < b.ParameterName end)
  return rows
end

local function set(aws, group, wanted)
  local rows = rows_of(aws, group, wanted)
  for from = 1, #rows, BATCH do
    aws.rds:modify_db_parameter_group {DBParameterGroupName = group,
      Parameters = table.move(rows, from, math.min(from + BATCH - 1, #rows), 1, {})}
  end
end

local function different(want, live)
  local out = {}
  for name, value in pairs(want or {}) do
    if (live or {})[name] ~= value then out[name] = value end
  end
  return out
end

local function arn_of(aws, name) return aws.arn("rds", "pg:" .. name) end

return resource {
  type = "rds.parameter_group",
  about = "A DB parameter group, and the parameters that are given",
  model = "create_db_parameter_group", key = "DBParameterGroupName",
  properties = {Parameters = {"map"}},
  arns = "^arn:[^:]+:rds:[^:]*:%d+:pg:(.+)$",
  provides = {"arn"},
  replaces = {"DBParameterGroupFamily", "Description"},
  absent = {"DBParameterGroupNotFound"},

  check = function(want)
    local out = {}
    if want.name and want.name:find "^default%." then
      out[1] = ("%s is AWS's own and cannot be changed: give a group of another name"):format(want.name)
    end
    for name, value in pairs(want.Parameters or {}) do
      if type(value) == "table" then out[#out + 1] = ("Parameters.%s must be text, a number or true"):format(name) end
    end
    table.sort(out)
    return out
  end,
  normal = function(want)
    want.name = want.name:lower()                    -- AWS stores it so
    if want.Parameters then want.Parameters = texts(want.Parameters) end
    return want
  end,

  read = function(aws, want)
    local g = aws.rds:describe_db_parameter_groups {DBParameterGroupName = want.name}.DBParameterGroups[1]
    return {name = g.DBParameterGroupName, arn = g.DBParameterGroupArn or arn_of(aws, want.name),
      DBParameterGroupFamily = g.DBParameterGroupFamily, Description = g.Description,
      Parameters = set_by_people(aws, want.name),
      Tags = aws.tags(arn_of(aws, want.name), function()
        return resource.tag_map(aws.rds:list_tags_for_resource {ResourceName = arn_of(aws, want.name)}.TagList)
      end)}
  end,

  all = function(aws)
    local out = {}
    for g in aws.rds:items("describe_db_parameter_groups", {}) do
      if not g.DBParameterGroupName:find "^default%." then out[#out + 1] = {name = g.DBParameterGroupName} end
    end
    return out
  end,

  create = function(aws, want)
    aws.rds:create_db_parameter_group {DBParameterGroupName = want.name, Description = want.Description,
      DBParameterGroupFamily = want.DBParameterGroupFamily, Tags = resource.tag_list(want.Tags)}
    if next(want.Parameters or {}) then set(aws, want.name, texts(want.Parameters)) end
    return {arn = arn_of(aws, want.name)}
  end,

  update = function(aws, live, want, changed)
    if changed.Parameters then set(aws, live.name, different(want.Parameters, live.Parameters)) end
    if not changed.Tags then return end
    local add, gone = resource.tag_changes(live.Tags, want.Tags)
    if next(add) then aws.rds:add_tags_to_resource {ResourceName = live.arn, Tags = resource.tag_list(add)} end
    if #gone > 0 then aws.rds:remove_tags_from_resource {ResourceName = live.arn, TagKeys = gone} end
  end,

  delete = function(aws, live) aws.rds:delete_db_parameter_group {DBParameterGroupName = live.name} end,
}
