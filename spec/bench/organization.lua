-- organization.lua -- `tidelock check --org` over emulated accounts and four regions: time linear, memory flat.
local checks = require "checks"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local organization = require "checks.organization"

local REGIONS <const> = {"us-east-1", "eu-west-1", "ap-southeast-1", "sa-east-1"}
local MEMORY_MOST <const> = 64                          -- MiB

local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

local function prepared(server, n)
  server:reset()
  local session = server:session()
  session.organizations:create_organization {FeatureSet = "ALL"}
  for i = 2, n do
    session.organizations:create_account {AccountName = "a" .. i, Email = ("a%d@example.com"):format(i)}
  end
  return session
end

local server <close> = moto.start {region = "us-east-1", private = true}
local controls = checks.select {}
print(("check --org: %d controls, %d regions"):format(#controls, #REGIONS))
for _, n in ipairs {12, 25, 50} do
  local session = prepared(server, n)
  local who, began, cpu = session.sts:get_caller_identity {}, loop.now(), os.clock()
  local results = organization.run(controls, organization.accounts(session), {session = session, who = who,
    role = organization.ROLE, now = loop.time(), regions = function() return REGIONS end})
  print(("  %2d accounts: %6d results, %5.2f s of CPU (%3.0f ms an account), %5.1f s, %4.1f MiB at most (%s %d)")
    :format(n, #results, os.clock() - cpu, (os.clock() - cpu) / n * 1000, loop.now() - began, resident(),
      resident() <= MEMORY_MOST and "within" or "ABOVE", MEMORY_MOST))
end
