-- prowler.lua -- the verdicts of our controls beside Prowler's on the same emulated account, for the same questions.
-- usage: make compare. Ends with 1 where the two differ and spec/compare/pairs.lua gives no reason.
local account = require "support.account"
local contains = require "lists".contains
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local pairs_of = require "compare.pairs"
local proc = require "tidelock.proc"

local PROWLER <const> = os.getenv "TIDELOCK_PROWLER" or "build/venv-prowler/bin/prowler"
local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local BAD <const> = {fail = true, warn = true, error = true, FAIL = true, MANUAL = true}

local function sorted(map)
  local out = {}
  for name in pairs(map) do out[#out + 1] = name end
  table.sort(out)
  return out
end

-- What a name, an ARN and a URL of the same thing have in common.
local function short(name)
  local last = name:match "[^/]+$" or name
  return last:find "^arn:" and last:match "[^:]+$" or last
end

-- The worse verdict of a subject stands: into[check][subject] is true where it passes.
local function note(into, check, subject, bad)
  into[check] = into[check] or {}
  local before = into[check][subject]
  into[check][subject] = before ~= false and not bad
end

local function run(command, server, more)
  command.env = {}
  for name, value in pairs(server.env) do command.env[name] = value end
  for name, value in pairs(more or {}) do command.env[name] = value end
  return assert(proc.run(command))
end

local function ours(server)
  local command = {HERE .. "/tidelock", "check", "--output", "json", "--quiet"}
  for _, id in ipairs(sorted(pairs_of.checks)) do command[#command + 1] = id end
  local got, out = run(command, server), {}
  local data = json.decode(got.stdout) or error("tidelock gave no report: " .. got.stderr)
  for _, r in ipairs(data.results) do
    if r.result ~= "skip" then note(out, r.id, short(r.subject.name), BAD[r.result]) end
  end
  return out
end

local function theirs(server)
  local folder = fs.tempdir "prowler"
  local command = {PROWLER, "aws", "--region", server.region, "--output-formats", "json-ocsf", "--output-directory",
    folder, "--output-filename", "out", "--no-banner", "--ignore-exit-code-3", "--checks"}
  local control_of = {}
  for control, check in pairs(pairs_of.checks) do
    command[#command + 1] = check
    control_of[check] = control
  end
  local got = run(command, server, {PYTHONPATH = "spec/compare/resolve",      -- s3control's host is ACCOUNT.localhost
    AWS_ENDPOINT_URL_S3_CONTROL = ("http://localhost:%d"):format(server.port)})
  local file = io.open(folder .. "/out.ocsf.json")
  if not file then error("Prowler gave no report: " .. got.stdout:sub(-2000) .. got.stderr:sub(-2000)) end
  local data, out = json.decode(file:read "a"), {}
  file:close()
  os.execute("rm -rf '" .. folder .. "'")
  for _, finding in ipairs(data) do
    local subject = finding.resources[1]
    note(out, control_of[finding.metadata.event_code], short(subject.name ~= "" and subject.name or subject.uid),
      BAD[finding.status_code])
  end
  return out
end

local function all_pass(verdicts)
  for _, passed in pairs(verdicts) do
    if not passed then return false end
  end
  return true
end

local function word(passed) return passed and "pass" or "fail" end

-- Subjects that both name are compared one by one; where none is, what came of the whole.
local function compared(a, b)
  local same, differ = 0, {}
  for subject, passed in pairs(a) do
    if b[subject] == passed then same = same + 1 end
    if b[subject] ~= nil and b[subject] ~= passed then
      differ[#differ + 1] = ("%s: %s, Prowler %s"):format(subject, word(passed), word(b[subject]))
    end
  end
  if same + #differ > 0 then return same, differ end
  if all_pass(a) == all_pass(b) then return 1, {} end
  return 0, {("altogether: %s, Prowler %s"):format(word(all_pass(a)), word(all_pass(b)))}
end

local function judge(control, a, b, tally)
  if not a or not b then
    tally.alone = tally.alone + 1
    print(("  alone   %-34s %s"):format(control, not a and (b and "nothing to look at for us; Prowler has verdicts"
      or "nothing to look at for either") or "Prowler has no verdict"))
    return
  end
  local same, differ = compared(a, b)
  tally.same, tally.differ = tally.same + same, tally.differ + #differ
  if #differ == 0 then return print(("  agrees  %-34s %d"):format(control, same)) end
  table.sort(differ)
  local reason = pairs_of.reasons[control]
  if not reason then tally.unexplained = tally.unexplained + 1 end
  print(("  differs %-34s %d agree, %d differ: %s"):format(control, same, #differ, reason or "NO REASON GIVEN"))
  for i = 1, math.min(#differ, 3) do print("            " .. differ[i]) end
end

local function look(what, server)
  print(what)
  local a, b = ours(server), theirs(server)
  local tally = {same = 0, differ = 0, alone = 0, unexplained = 0}
  for _, control in ipairs(sorted(pairs_of.checks)) do judge(control, a[control], b[control], tally) end
  print(("  %d verdicts agree, %d differ; %d of %d questions with nothing to compare"):format(tally.same, tally.differ,
    tally.alone, #sorted(pairs_of.checks)))
  return tally.unexplained
end

-- Which requirements of the CIS benchmark a question answers: what Prowler's own list says, ours must say too.
local function unlike_cis()
  local found = assert(proc.run {"find", PROWLER:gsub("/bin/[^/]*$", ""), "-name", "cis_3.0_aws.json"})
  local file <close> = assert(io.open(found.stdout:match "%S+"))
  local asks, unlike = {}, 0
  for _, requirement in ipairs(json.decode(file:read "a").Requirements) do
    for _, check in ipairs(requirement.Checks) do
      asks[check] = asks[check] or {}
      asks[check][#asks[check] + 1] = requirement.Id
    end
  end
  for _, control in ipairs(require "checks".all()) do
    for _, id in ipairs(asks[pairs_of.checks[control.id]] or {}) do
      if not contains(control.cis_ids, id) then
        unlike = unlike + 1
        print(("CIS 3.0: Prowler says %s of %s, and we do not"):format(id, control.id))
      end
    end
  end
  return unlike
end

local server <close> = moto.start {region = "us-east-1", private = true}
local function session()
  return server:session()
end

account.build {session = session(), account = server.account, server = server}
local unexplained = look("The account that nobody has hardened", server)
server:reset()
require "compare.mixed"(session(), server.account)
unexplained = unexplained + look("An account with one of each as it should be, and one that is not", server)
local unlike = unlike_cis()
if unlike > 0 then os.exit(1) end
if unexplained > 0 then
  print(("%d times the two differ, and spec/compare/pairs.lua gives no reason"):format(unexplained))
  os.exit(1)
end
