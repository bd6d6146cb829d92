--- tidelock check: holds the account to the controls. Reads only.
local checks = require "checks"
local contains = require "lists".contains
local findings = require "report.findings"
local options = require "cli.options"
local playing = require "cli.playing"
local runner = require "checks.runner"
local telling = require "cli.telling"

local NOBODY_TOLD <const> = 69           -- exit code: all is well, but who should hear of it did not
local FORMATS <const> = {"text", "json", "junit", "ocsf", "markdown", "html"}

local function pick(args)
  local filters = {}
  for _, kind in ipairs {"id", "tag", "severity", "service", "requirement"} do filters[kind] = args[kind] end
  if #args > 0 then filters.id = table.move(args, 1, #args, #(filters.id or {}) + 1, filters.id or {}) end
  local controls = checks.select(filters)
  if #controls == 0 then options.usage "each of these filters fits controls, but no control fits them all" end
  return controls
end

local function print_list(controls, ctx)
  local p = ctx:paint()
  for _, control in ipairs(controls) do
    ctx:print(("%s  %s  %s%s"):format(p.pad(control.severity, 8), p.pad(control.id, 36), control.title,
      control.requirement and p:text("dim", "  [" .. control.requirement .. "]") or ""))
  end
  return 0
end

local function account_of(args)
  local name = args.account or os.getenv "TIDELOCK_ACCOUNT"
  if not name or name == "" then return nil end
  local account = require "playbook.account"
  local path = account.find(name, "playbooks/check.lua")
  return (account.load(path)), path
end

-- The names that --regions gives by commas, each once; what is no name of a region is told.
local function named_regions(text)
  local out, seen = {}, {}
  for name in text:gmatch "[^,%s]+" do
    if not name:find "^%l%l[%w-]*%-%l+%-%d+$" then
      options.usage(("--regions takes names such as eu-west-1 by commas, or all; %q is none"):format(name))
    end
    if not seen[name] then out[#out + 1] = name end
    seen[name] = true
  end
  if #out == 0 then options.usage "--regions takes names such as eu-west-1 by commas, or all; it names none" end
  return out
end

-- What a role must allow: what the controls read, and what finds the regions and accounts to read it in.
local function actions_of(controls, args)
  local out = checks.actions(controls)
  local function add(action)
    if not contains(out, action) then out[#out + 1] = action end
  end
  if args.regions == "all" then add "ec2:DescribeRegions" end
  if args.org then
    add "organizations:ListAccounts"
    add "sts:AssumeRole"
  end
  table.sort(out)
  return out
end

-- Region names for --regions: a list by commas, or all that the account has.
local function regions_of(args, session)
  if not args.regions then return {session:region()} end
  if args.regions ~= "all" then return named_regions(args.regions) end
  local out = {}
  for _, region in ipairs(session.ec2:describe_regions({}).Regions or {}) do out[#out + 1] = region.RegionName end
  local home = session:region()
  table.sort(out, function(a, b)
    if (a == home) ~= (b == home) then return a == home end
    return a < b
  end)
  return out
end

local function progress(ctx, args, what)
  local ok, tty = pcall(require, "tidelock.tty")
  if args.quiet or ctx.err ~= io.stderr or not (ok and tty.is "stderr") then return function() end, function() end end
  local last = 0
  return function(done, total)
    local now = require "tidelock.loop".now()
    if now - last < 0.1 then return end
    last = now
    ctx.err:write(("\r%d of %d %s"):format(done, total, what))
  end, function() ctx.err:write "\r\27[K" end
end

local function read_baseline(path)
  local file, why = io.open(path, "rb")
  if not file then options.usage("--baseline cannot be read: " .. why) end
  local text, fault = file:read "a"
  file:close()
  return text or options.usage(("--baseline cannot be read: %s: %s"):format(path, fault))
end

-- Found out before the account is looked at, which may take minutes; what is there already stays until then.
local function hold_writable(path)
  local there = require "tidelock.fs".stat(path)
  local file, why = io.open(path, "ab")
  if not file then options.usage("--out cannot be written: " .. why) end
  file:close()
  if not there then os.remove(path) end
end

-- The controls and the baseline's text, or all that is wrong with the words at once, before AWS is asked anything.
local function understood(args)
  local faults = {}
  local controls = options.attempt(faults, pick, args)
  if args.fix and (args.output or "text") ~= "text" then faults[#faults + 1] = "--fix prints plans, so only as text" end
  if args.org_role and not args.org then faults[#faults + 1] = "--org-role is for --org" end
  if args.regions and args.regions ~= "all" then options.attempt(faults, named_regions, args.regions) end
  local baseline = args.baseline and options.attempt(faults, read_baseline, args.baseline)
  if args.out then options.attempt(faults, hold_writable, args.out) end
  options.tell(faults)
  return controls, baseline
end

local function identify(session, account, path)
  local who = session.sts:get_caller_identity {}
  if account and account.id and account.id ~= who.Account then
    error({exit = 77, code = "OtherAccount", message = ("these credentials are of account %s, but %s is for account %s."
      .. " Nothing was checked. Use other credentials (--profile), or the account file of this one (--account).")
      :format(who.Account, path, account.id)}, 0)
  end
  return who
end

-- The same words find again what was told of them.
local function selection(args)
  local words = {}
  for _, kind in ipairs {"id", "tag", "severity", "service", "requirement"} do
    for _, word in ipairs(args[kind] or {}) do words[#words + 1] = kind .. "=" .. word end
  end
  table.sort(words)
  return "check " .. table.concat(words, " ") .. (args.regions and " in " .. args.regions or "")
    .. (args.org and " of the organization" or "") .. (args.baseline and " since a baseline" or "")
end

local function show(report, args, ctx)
  local format = args.output or "text"
  local text
  if format == "text" or format == "table" then
    text = table.concat(findings.page(report, ctx:paint(), args.all), "\n") .. "\n"
  else
    text = require("report." .. format).text(report)
  end
  if not args.out then return ctx:write(text) end
  local file, why = io.open(args.out, "wb")
  if not file then options.usage("--out cannot be written: " .. why) end
  file:write(text)
  file:close()
  ctx:say("%s", findings.verdict(report))
end

-- The playbooks that repair what failed, each once, in the order of what failed; with what they must be told.
local function remedies(results, find)
  local out, seen = {}, {}
  for _, result in ipairs(results) do
    local path = result.result == "fail" and not result.known and result.remedy and find(result.remedy)
    if path then
      if not seen[path] then out[#out + 1] = path end
      seen[path] = seen[path] or {}
      for name, value in pairs(result.vars or {}) do seen[path][name] = value end
    end
  end
  return out, seen
end

-- Plans what repairs it: reads only, as every plan.
local function plan_fixes(report, args, ctx)
  local paths, vars = remedies(report.results, report.find_playbook)
  if #paths == 0 then return ctx:print "Nothing to plan: no playbook repairs what failed." end
  for _, path in ipairs(paths) do
    ctx:print {"", "What repairs it: " .. path, ""}
    local own = {path, account = report.account_path, var = vars[path]}
    for _, name in ipairs {"profile", "region", "endpoint_url", "no_color", "concurrency"} do own[name] = args[name] end
    require "cli.plan".run(own, ctx)
  end
  ctx:print "Nothing was changed. Carry a plan out with: tidelock apply PLAYBOOK"
end

-- Every account of the organization.
local function look_at_all(controls, args, ctx, about)
  local organization = require "checks.organization"
  local accounts, members = organization.accounts(about.session)
  local tell, done = progress(ctx, args, "accounts")
  local results = organization.run(controls, accounts, {session = about.session, who = about.who,
    role = args.org_role or organization.ROLE, account = about.account, now = about.now, progress = tell,
    concurrency = args.concurrency, regions = function(session) return regions_of(args, session) end})
  done()
  return results, {accounts = #accounts, members = members,
    regions = args.regions ~= "all" and regions_of(args, about.session) or {}}
end

-- The results, and where was looked: {regions =, accounts = how many}.
local function look(controls, args, ctx, about)
  if args.org then return look_at_all(controls, args, ctx, about) end
  local session, regions = about.session, regions_of(args, about.session)
  local tell, done = progress(ctx, args, "checks")
  local results = runner.run(controls, {regions = regions, account = about.account, account_id = about.who.Account,
    now = about.now, concurrency = args.concurrency, progress = tell, client = function(region)
      return region == session:region() and session or session:derive {region = region}
    end})
  done()
  return results, {regions = regions}
end

-- The trend is a comfort: where it cannot be kept the checks still count, and it is said.
local function keep_trend(report, args, ctx)
  local ok, err = pcall(function()
    local store = playing.store(args, ctx)
    local name = ("trend %s %s"):format(report.account, selection(args))
    local rows, text = require "report.trend".add(store:recall(name), report)
    report.trend = rows
    store:keep(name, text)
  end)
  if not ok then
    ctx:say("The trend over runs is not kept: %s", type(err) == "table" and err.message or tostring(err))
  end
end

local function run(args, ctx)
  local controls, baseline = understood(args)
  if args.list then return print_list(controls, ctx) end
  if args.actions then return ctx:print(actions_of(controls, args)) or 0 end
  local account, path = account_of(args)
  telling.check(args, account)
  local traffic = require "playbook.recorder".traffic()
  local session = ctx:session(account and account.region, traffic.transport)
  local began, started = require "tidelock.loop".now(), require "tidelock.loop".time()
  local who = identify(session, account, path)
  local results, place = look(controls, args, ctx, {session = session, account = account, who = who, now = started})
  local known = baseline and require "report.json".baseline(results, baseline) or 0
  local report = findings.new(results, {account = who.Account,
    account_name = account and (account.name or account.prefix), account_path = path,
    regions = place.regions, accounts = place.accounts, started = started, fail_on = args.fail_on, known = known,
    seconds = require "tidelock.loop".now() - began, requests = traffic.requests,
    find_playbook = require "checks.words".find_playbook, version = require "cli.version".VERSION})
  keep_trend(report, args, ctx)
  show(report, args, ctx)
  if args.fix then plan_fixes(report, args, ctx) end
  local told = telling.tell(report, selection(args), {account = account, session = session, who = who,
    region = session:region(), members = place.members}, args, ctx)
  return report.exit == 0 and not told and NOBODY_TOLD or report.exit
end

return {
  name = "check",
  about = "Hold the account to the controls: what fails, what it means, what to do; reads only",
  usage = "tidelock check [ID ...] [--account FILE] [--service NAME] [--requirement ID] [--output FORMAT]",
  options = {
    {name = "account", value = "FILE", about = "account file, or its name in playbooks/accounts/"},
    {name = "id", value = "ID", many = true, about = "only this control; * stands for anything"},
    {name = "tag", value = "TAG", many = true, about = "only controls of this Security Hub or CIS id; or fsbp, cis"},
    {name = "severity", value = "NAME", many = true, choices = checks.SEVERITIES, about = "only these"},
    {name = "service", value = "NAME", many = true, about = "only controls of this service"},
    {name = "requirement", value = "ID", many = true, about = "only controls of this requirement, such as 8 or 8.5"},
    {name = "regions", value = "NAMES", about = "regions by commas, or all"},
    {name = "org", about = "every active account of the organization, by a role in each"},
    {name = "org-role", value = "NAME", about = "that role (default OrganizationAccountAccessRole)"},
    {name = "fix", about = "then plan the playbooks that repair what failed; nothing is changed"},
    {name = "baseline", value = "FILE", about = "an earlier JSON report: only what is new counts and is shown"},
    telling.OPTION, playing.STORE,
    {name = "fail-on", value = "NAME", choices = checks.SEVERITIES,
      about = "exit 1 from this severity on (default critical), 2 below it"},
    {name = "output", value = "FORMAT", choices = FORMATS, about = "text, json, junit, ocsf, markdown or html"},
    {name = "out", value = "FILE", about = "write the report there"},
    {name = "concurrency", value = "N", number = true, least = 1, about = "subjects looked at at once (default 32)"},
    {name = "all", about = "show what passed and what was skipped, too"},
    {name = "list", about = "only list the controls"},
    {name = "actions", about = "only print the IAM actions that these checks need"},
  },
  run = run,
}
