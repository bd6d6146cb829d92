--- The aws CLI's own cache of roles taken (~/.aws/cli/cache), so that an MFA code is asked for once an hour
-- and not by each command. Only roles with MFA go there: others cost one call, and no secret on the disk.
local date = require "aws.date"

local role_cache = {}

local LEAST <const> = 15 * 60                            -- seconds that must be left

-- The file that the CLI would use: the SHA-1 of the request as Python's json.dumps sorts and writes it.
local function path_of(ctx, input, named)
  local home = ctx.config:env "HOME"
  if not home then return nil end
  local keys, parts = {}, {}
  for key in pairs(input) do
    if key ~= "TokenCode" and (key ~= "RoleSessionName" or named) then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = ('"%s": %s'):format(key, ctx.world.json.encode(input[key])) end
  return ("%s/.aws/cli/cache/%s.json"):format(home, ctx.world.sha1("{" .. table.concat(parts, ", ") .. "}"))
end

--- What is kept for the request `input` of a role and still good: STS's Credentials, or nil.
-- `named`: the profile names the session itself.
function role_cache.get(ctx, input, named)
  local path = path_of(ctx, input, named)
  local text = path and ctx.world.files(path)
  local kept = text and ctx.world.json.decode(text)
  local credentials = type(kept) == "table" and kept.Credentials
  local ends = type(credentials) == "table" and date.iso(credentials.Expiration)
  if ends and ends - ctx.world.clock() > LEAST then return credentials end
  return nil
end

--- Keeps STS's answer. That it cannot be kept is no reason to fail.
function role_cache.put(ctx, input, named, answer)
  local path = path_of(ctx, input, named)
  if not path then return end
  local c = answer.Credentials
  local ends = type(c.Expiration) == "number" and date.text(c.Expiration) or c.Expiration
  ctx.world.save(path, ctx.world.json.encode {Credentials = {AccessKeyId = c.AccessKeyId,
    SecretAccessKey = c.SecretAccessKey, SessionToken = c.SessionToken, Expiration = ends},
    AssumedRoleUser = answer.AssumedRoleUser})
end

return role_cache
