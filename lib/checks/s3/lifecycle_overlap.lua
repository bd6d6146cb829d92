--- No lifecycle rule of a bucket is made pointless by another: what one would do to objects has been done before.
local control = require "checks"

-- What a rule is about: a prefix, and whether it asks for tags or sizes as well. Old rules have the prefix outside.
local function scope(rule)
  local filter = rule.Filter or {}
  local both = filter.And or {}
  return filter.Prefix or both.Prefix or rule.Prefix or "",
    (filter.Tag or both.Tags or filter.ObjectSizeGreaterThan or filter.ObjectSizeLessThan
      or both.ObjectSizeGreaterThan or both.ObjectSizeLessThan) ~= nil
end

-- Whether all that `inner` is about is also what `outer` is about, as far as prefixes tell.
local function covers(outer, inner)
  local wide, picky = scope(outer)
  return not picky and (scope(inner)):sub(1, #wide) == wide
end

-- What a rule does to objects that are current: {days, class}; without a class they are deleted.
local function deeds(rule)
  local out = {}
  for _, move in ipairs(rule.Transitions or {}) do
    if move.Days then out[#out + 1] = {days = move.Days, class = move.StorageClass} end
  end
  local ends = (rule.Expiration or {}).Days
  if ends and ends > 0 then out[#out + 1] = {days = ends} end
  return out
end

local function name_of(rule, i) return rule.ID or "number " .. i end

-- Two rules that do the same to the same objects on the same day are one too many: the later in the list is told.
local function beaten(late, early, later_in_list)
  if early.class and early.class ~= late.class then return false end
  return early.days < late.days or early.days == late.days and (later_in_list or early.class ~= late.class)
end

local function pointless(rules)
  local out = {}
  for i, rule in ipairs(rules) do
    for j, other in ipairs(rules) do
      if i ~= j and rule.Status == "Enabled" and other.Status == "Enabled" and covers(other, rule) then
        for _, late in ipairs(deeds(rule)) do
          for _, early in ipairs(deeds(other)) do
            if beaten(late, early, i > j) then
              out[#out + 1] = ("rule %s would %s after %d days what rule %s %s after %d"):format(name_of(rule, i),
                late.class and "move to " .. late.class or "delete", late.days, name_of(other, j),
                early.class and "moves there" or "deletes", early.days)
            end
          end
        end
      end
    end
  end
  return out
end

return control {
  id = "s3-lifecycle-overlap", title = "No lifecycle rule is made pointless by another", severity = "low",
  subjects = "s3.bucket", needs = {"s3:GetLifecycleConfiguration"},
  command = "tidelock call s3 get-bucket-lifecycle-configuration --bucket {name}",
  means = "Objects end, or become cheaper, on another day than somebody thinks who read only one of the rules.",
  todo = "Keep one of the two rules, or give them prefixes that do not hold each other.",
  read = function(aws, subject)
    local ok, got = pcall(function()
      return aws.s3:get_bucket_lifecycle_configuration({Bucket = subject.name}).Rules
    end)
    if ok then return got or {} end
    if type(got) == "table" and got.code == "NoSuchLifecycleConfiguration" then return {} end
    error(got, 0)
  end,
  test = function(rules)
    local found = pointless(rules)
    return control.judge(#found == 0, #rules == 0 and "it has no rules" or #rules .. " rule(s), none in another's way",
      table.concat(found, "; ", 1, math.min(#found, 3)))
  end,
}
