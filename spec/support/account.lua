-- account.lua -- THE unhardened account of the specs: a young company's, before anybody hardened it.
--
--   local account = require "support.account"
--   local h = hardening.start()                         -- or anything with session, account (its number) and server
--   local names = account.build(h)                      -- all of it, in about two seconds
--   local names = account.build(h, {only = {"storage", "network"}})   -- what a spec needs, sooner
--
-- Options: only (list of parts), prefix (default "example", that of playbooks/accounts/example.lua), encrypted (the
-- database's storage is, as it must be before all is well). What it makes, a part a file beside this one, and under
-- which names it tells of them:
--   network     vpc, subnets {public, private}, route_tables {public, private_a, private_b, isolated, main}, nat, igw,
--               security_group, load_balancer, target_group (its ARN): two private route tables reach the NAT gateway,
--               one does not; there is no endpoint
--   containers  clusters (3: ai-team, PREFIX-cluster, PREFIX-of-fargate), services (10: {cluster, name, family}), role
--               (ARN, one for everything), secret_family (its DATABASE_URL and API_KEY stand in the environment)
--   queues      queues (24 names; 9 have a dead-letter queue), dlqs (9 of them), alone (6 that have none)
--   tables      tables (23 names), volatile {name = the attribute its writers set, or false where nobody has written},
--               wrong_ttl (the one whose TTL looks at another attribute than its writers set)
--   storage     buckets (12 names), own_policy, website (public policy), shared (public grant), lifecycle (rules of its
--               own), tiering (the three that are rarely read), kms (encrypted with a key already), half (one flag of
--               its block is off)
--   logs        groups (60 names): kept for ever, 7, 14, 30, 60, 365 days
--   data        database (postgres, db.t3.micro, default parameter group), cache (one node, not encrypted), func (the
--               one function)
-- Nothing of it is tagged by tidelock. Names begin with the prefix; those of buckets end with the account's number.
local task = require "task"

local account = {}

-- In this order: later parts use names of earlier ones where these are built too.
local PARTS <const> = {"network", "containers", "queues", "tables", "storage", "logs", "data"}

local function chosen(only)
  if not only then return PARTS end
  local out, asked = {}, {}
  for _, name in ipairs(only) do asked[name] = true end
  for _, name in ipairs(PARTS) do
    if asked[name] then out[#out + 1] = name end
    asked[name] = nil
  end
  assert(next(asked) == nil, "the account has no part " .. tostring(next(asked)))
  return out
end

--- Builds it in the account of `host` (session, account, server.region); the names of what was made.
function account.build(host, options)
  options = options or {}
  local world = {aws = host.session, id = host.account, region = host.server.region,
    prefix = options.prefix or "example", encrypted = options.encrypted}
  local names = {}
  --- Every row through `fn`, many at a time, as people's scripts do not, but specs must.
  function world.each(rows, fn) return task.map(rows, fn, {concurrency = 12}) end
  for _, part in ipairs(chosen(options.only)) do
    for name, value in pairs(require("support.account." .. part)(world, names)) do names[name] = value end
  end
  return names
end

return account
