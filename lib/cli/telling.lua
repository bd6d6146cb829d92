--- --notify, for the commands that check: who is told of what they found, and what is said of that.
local options = require "cli.options"
local playing = require "cli.playing"

local telling = {}

--- The option of such a command.
telling.OPTION = {name = "notify", value = "WHEN", choices = {"changes", "always"},
  about = "tell whom the account file's notify names: of what has changed, or always"}

local function memory_of(store, name)
  return {get = function() return store:recall(name) end, put = function(text) store:keep(name, text) end}
end

local function partition(arn) return arn and arn:match "^arn:([^:]+)" or "aws" end

--- Refuses, before anything is sent, a --notify that has nobody to tell.
function telling.check(args, account)
  if not args.notify then return end
  if not account then options.usage "--notify needs an account file (--account): it says who is told" end
  require "notify".channels(account)
end

--- Tells of a report, if --notify says so. `what` is the name under which it is remembered what was told.
-- about: account (data), session, who (answer of GetCallerIdentity, or {Account=, Arn=}), region, members (the accounts
-- of the organization, where it was asked for them).
-- @return false where somebody should have been told and was not
function telling.tell(report, what, about, args, ctx)
  if not args.notify then return true end
  local name = ("told %s %s"):format(about.who.Account or "account", what)
  local notify = require "notify"
  local out = notify.run(report, {account = about.account, always = args.notify == "always",
    memory = memory_of(playing.store(args, ctx), name), members = about.members,
    world = {aws = about.session, account = about.who.Account, region = about.region,
      partition = partition(about.who.Arn), now = require "tidelock.loop".time()}})
  for _, line in ipairs(notify.lines(out)) do ctx:say("%s", line) end
  return not out.lost
end

-- ## Runs of playbooks

-- A check of the playbook's own, as a finding.
local function plain(event, program)
  local result = event.result
  return {id = result.name, title = result.name, severity = result.severity == "critical" and "critical" or "medium",
    service = "playbook", result = result.result, evidence = tostring(result.evidence or ""),
    subject = {type = "playbook", name = program}}
end

--- A listener that gathers what the checks of a run find: its list, and the function that listens.
function telling.gather(program)
  local results = {}
  return results, function(event)
    if event.kind ~= "check" then return end
    local found = event.findings or {plain(event, program)}
    table.move(found, 1, #found, #results + 1, results)
  end
end

-- A run that is parked waits as it should, perhaps for somebody: that is to be looked at, and no failure.
local ENDED <const> = {done = "pass", parked = "warn"}

local function ending(out, program)
  return {id = "run", title = "The run comes to its end", severity = out.result == "parked" and "medium" or "critical",
    service = "playbook", result = ENDED[out.result] or "fail", evidence = out.message or out.result,
    subject = {type = "playbook", name = program}}
end

--- Tells of a run that has ended: its checks, and whether it came to its end.
function telling.tell_run(out, args, ctx)
  if not args.notify then return true end
  local engine = out.engine
  local who, program = engine.identity.known or {}, engine.program.header.name
  local results = engine.context.findings
  results[#results + 1] = ending(out, program)
  local account = engine.account
  local report = require "report.findings".new(results, {account = who.id, account_name = account.name or
    account.prefix, account_path = engine.account_path, regions = {engine.region},
    started = require "tidelock.loop".time() - (engine.seconds or 0), seconds = engine.seconds,
    requests = engine.context.traffic.requests, find_playbook = require "checks.words".find_playbook})
  return telling.tell(report, program, {account = account, session = engine.context.session, region = engine.region,
    who = {Account = who.id, Arn = who.arn}}, args, ctx)
end

return telling
