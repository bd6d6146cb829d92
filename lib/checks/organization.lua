--- The accounts of an organization: which there are, a session in each by a role, and the controls run in all of them.
local runner = require "checks.runner"
local secret = require "tidelock.secret".new
local task = require "task"

local organization = {}

local AT_ONCE <const> = 4                       -- accounts looked at side by side: each has many reads in flight
organization.ROLE = "OrganizationAccountAccessRole"

--- The active accounts: {{id =, name =}, ...}, by id; and the numbers of all members as a set, also of those that are
-- suspended or closing: {[id] = true}. Raises where the organization cannot be read.
function organization.accounts(aws)
  local out, members = {}, {}
  for account in aws.organizations:items("list_accounts", {}) do
    members[account.Id] = true
    if (account.State or account.Status) == "ACTIVE" then
      out[#out + 1] = {id = account.Id, name = account.Name}
    end
  end
  table.sort(out, function(a, b) return a.id < b.id end)
  return out, members
end

-- Keys of the role, taken anew when they run out.
local function assumed(session, arn)
  return function()
    local c = session.sts:assume_role({RoleArn = arn, RoleSessionName = "tidelock-check"}).Credentials
    return {access_key_id = c.AccessKeyId, secret_access_key = secret(c.SecretAccessKey),
      session_token = secret(c.SessionToken), expires = c.Expiration, source = "role " .. arn}
  end
end

--- A session in a member account by its role of that name; the caller's own account needs none.
function organization.session(session, account, role, who)
  if account.id == who.Account then return session end
  local partition = who.Arn and who.Arn:match "^arn:([^:]+)" or "aws"
  return session:derive {credentials = assumed(session, ("arn:%s:iam::%s:role/%s"):format(partition, account.id, role))}
end

local function sentence(err) return type(err) == "table" and err.message or tostring(err) end

-- An account that lets nobody in was not checked, and says so.
local function shut(account, role, err)
  return {id = "organization-account-readable", title = "Every account of the organization can be checked",
    severity = "critical", service = "organizations", result = "error", evidence = sentence(err),
    account = account.id, subject = {type = "organizations.account", name = ("%s (%s)"):format(account.id,
      account.name or "?")}, means = "Nothing is known of this account.",
    todo = ("Let the role %s of that account be taken by the one that checks; --org-role names another."):format(role)}
end

-- Where none was looked at, nothing was found either: that is no pass. The caller's own account is always among them.
local function none()
  return {id = "organization-account-readable", title = "Every account of the organization can be checked",
    severity = "critical", service = "organizations", result = "error",
    evidence = "ListAccounts gave no active account, so none was checked", subject = {type = "organizations.account",
    name = "all"}, means = "Nothing is known of any account.",
    todo = "Check from the management account or a delegated administrator, or without --org this account alone."}
end

local function check_one(controls, account, options)
  local session = organization.session(options.session, account, options.role, options.who)
  session:credentials()
  local home = session:region()
  return runner.run(controls, {regions = options.regions(session), account_id = account.id, now = options.now,
    account = account.id == options.who.Account and options.account or nil, concurrency = options.concurrency,
    client = function(region) return region == home and session or session:derive {region = region} end})
end

--- Runs controls in every account, a few accounts side by side. The account file is that of the caller's own.
-- @param controls the controls
-- @param accounts {{id =, name =}}: those of the organization
-- @param options {session=, who = answer of GetCallerIdentity, role=, account=, now=, concurrency=, regions = function
--   (session) -> names, progress(done, total)}
-- @return the results, account by account; an account that cannot be entered, or none at all, is an `error`, never
--   silence
function organization.run(controls, accounts, options)
  local done, all = 0, #accounts == 0 and {none()} or {}
  local parts = task.map(accounts, function(account)
    local ok, results = pcall(check_one, controls, account, options)
    if not ok then
      if results == require "tidelock.loop".CANCELLED then error(results, 0) end
      results = {shut(account, options.role, results)}
    end
    done = done + 1
    if options.progress then options.progress(done, #accounts) end
    return results
  end, {concurrency = AT_ONCE})
  for _, results in ipairs(parts) do table.move(results, 1, #results, #all + 1, all) end
  return all
end

return organization
