-- Reports of checks: each in its own form, well-formed whatever a resource is called, and with nothing hidden.
local checks = require "checks"
local findings = require "report.findings"
local json = require "tidelock.json"
local paint = require "report.paint"
local runner = require "checks.runner"
local task = require "task"

package.path = "spec/lib/checks/?.lua;" .. package.path

local NASTY <const> = "<b>&\"'`|\1x"

local function result(changes)
  local out = {id = "s3-bucket-versioning", title = "Buckets keep versions", severity = "low", service = "s3",
    result = "fail", evidence = "versioning is off", subject = {type = "s3.bucket", name = NASTY},
    region = "eu-west-1", account = "123456789012", means = "What is deleted is gone.", todo = "Switch it on.",
    command = "tidelock call s3 get-bucket-versioning --bucket {name}", fsbp = "S3.14", requirement = "1.3"}
  for k, v in pairs(changes or {}) do out[k] = v end
  return out
end

local function report(results, more)
  local about = {account = "123456789012", account_name = "example", regions = {"eu-west-1"}, started = 1764000000,
    seconds = 0.5, requests = 7, version = "0.1.0"}
  for k, v in pairs(more or {}) do about[k] = v end
  return findings.new(results, about)
end

local EACH <const> = {result(), result {id = "iam-root-mfa", service = "iam", severity = "critical", result = "error",
  evidence = "not allowed"}, result {result = "pass", evidence = "kept", subject = {type = "s3.bucket", name = "b"}},
  result {result = "skip", evidence = "there are none"}, result {result = "warn", id = "logs-x", service = "logs"}}

-- A small strict reader: tags nest, attributes are quoted, entities are known. Returns elements counted by name.
local function well_formed(text)
  local stack, count, at = {}, {}, 1
  assert(utf8.len(text), "no UTF-8")
  text = text:gsub("^<%?xml[^>]*%?>%s*", "")
  assert(not text:find "[%z\1-\8\11\12\14-\31]", "a control character")
  for amp in text:gmatch "&[^;%s]*;?" do
    assert(amp:find "^&%a+;$" or amp:find "^&#%d+;$", "a bare ampersand: " .. amp)
  end
  while true do
    local from, to, slash, name, rest = text:find("<(/?)([%a][%w%-]*)([^<>]*)>", at)
    local between = text:sub(at, (from or #text + 1) - 1)
    assert(not between:find "[<>]", "a bare bracket: " .. between)
    if not from then break end
    at = to + 1
    if slash == "/" then
      assert.equal(table.remove(stack), name)
    else
      count[name] = (count[name] or 0) + 1
      local closed = rest:find "/$"
      local left = rest:gsub("/$", ""):gsub('%s+[%a_:%-]+="[^"]*"', "")
      assert(left:find "^%s*$", "bad attributes: " .. rest)
      if not closed then stack[#stack + 1] = name end
    end
  end
  assert.same({}, stack)
  return count
end

describe("reports of checks", function()
  it("count, and give the exit code by the worst", function()
    local r = report(EACH)
    assert.equal(1, r.exit)
    assert.same({1, 1, 1, 1, 1}, {r.count.pass, r.count.fail, r.count.warn, r.count.skip, r.count.error})
    assert.same({critical = 1, high = 0, medium = 0, low = 1}, r.count.by)
    assert.equal(0, report({EACH[3], EACH[4]}).exit)
    assert.equal(2, report({EACH[1]}).exit)
    assert.equal(1, report({EACH[1]}, {fail_on = "low"}).exit)
    assert.equal(2, report({EACH[5]}, {fail_on = "low"}).exit)
  end)

  it("say on the page what failed, what it means, what to do and the command, the worst first", function()
    local page = table.concat(findings.page(report(EACH), paint.new(false)), "\n")
    assert.matches("CRITICAL .*not allowed.*LOW .*versioning is off", page)
    assert.matches("means:  What is deleted is gone.", page)
    assert.matches("to do:  Switch it on.", page)
    assert.matches("try:    tidelock call s3 get%-bucket%-versioning %-%-bucket '<b>", page)
    assert.matches("Checks: 1 failed, 1 could not be checked, 1 to be looked at, 1 passed, 1 skipped", page)
    assert.is_nil(page:find("kept", 1, true))
    assert.matches("kept", table.concat(findings.page(report(EACH), paint.new(false), true), "\n"))
  end)

  it("name the remedy playbook where it is on this machine, and the command where it is not", function()
    local one = result {remedy = "provision/messaging"}
    local here = report({one}, {account_path = "a.lua", find_playbook = require "checks.words".find_playbook})
    assert.equal("tidelock plan playbooks/provision/messaging.lua --account a.lua", (findings.command(here, one)))
    one.remedy = "harden/not-there"
    assert.matches("^tidelock call s3", (findings.command(here, one)))
  end)

  it("name every playbook that repairs some of a control, each once, and of what only shows it the first", function()
    local words = require "checks.words"
    local list = {result {remedy = "harden/alarms"}, result {remedy = "provision/rate-limiter"},
      result {remedy = "harden/alarms"}, result {result = "pass", remedy = "provision/messaging"}}
    local whole = report(list, {find_playbook = words.find_playbook})
    local said = {text = table.concat(findings.page(whole, paint.new(false)), "\n"),
      run = table.concat(words.failures(list, nil, words.find_playbook), "\n"),
      markdown = require "report.markdown".text(whole), html = require "report.html".text(whole)}
    for form, text in pairs(said) do
      for path, times in pairs {["harden/alarms"] = 1, ["provision/rate-limiter"] = 1, ["provision/messaging"] = 0} do
        local _, found = text:gsub("plan playbooks/" .. path:gsub("%p", "%%%0"), "")
        assert.equal(times, found, form .. path)
      end
    end
    assert.same({{"tidelock call s3 get-bucket-versioning --bucket a"}, "look"}, {findings.commands(whole,
      {result {subject = {name = "a"}}, result {subject = {name = "b"}}})})
  end)

  it("keep a name with quotes one word of the shell", function()
    local one = result {subject = {type = "s3.bucket", name = "a'; rm -rf ~ #"}}
    assert.equal([[tidelock call s3 get-bucket-versioning --bucket 'a'\''; rm -rf ~ #']],
      (findings.command(report {one}, one)))
  end)

  it("say of each thing where it is, in every form, where more than one place was looked at", function()
    local one = {subject = {type = "account", name = "account 1"}}
    local there = {result(one), result {subject = one.subject, region = "us-east-1"}}
    for _, form in ipairs {"html", "markdown", "junit"} do
      local text = require("report." .. form).text(report(there, {regions = {"eu-west-1", "us-east-1"}}))
      assert.is_truthy(text:find("eu-west-1 account 1", 1, true), form)
      assert.is_truthy(text:find("us-east-1 account 1", 1, true), form)
      text = require("report." .. form).text(report(there, {regions = {"eu-west-1", "us-east-1"}, accounts = 2}))
      assert.is_truthy(text:find("123456789012 us-east-1 account 1", 1, true), form)
      text = require("report." .. form).text(report {there[1]})
      assert.is_nil(text:find("eu-west-1 account 1", 1, true), form)
    end
    assert.equal("account 123456789012 (example), 5 regions",
      findings.place(report({}, {regions = {"a", "b", "c", "d", "e"}})))
  end)

  it("say why where all was skipped, and otherwise only when asked", function()
    local p = paint.new(false)
    local skip = result {result = "skip", evidence = "no account file was given"}
    local function page(results) return table.concat(findings.page(report(results), p), "\n") end
    assert.matches("skip%s+s3%-bucket%-versioning .*: no account file was given", page {skip})
    assert.is_nil(page {skip, EACH[3]}:find "no account file")
  end)

  it("are JSON that a baseline knows again", function()
    local form = require "report.json"
    local data = json.decode(form.text(report(EACH)))
    assert.equal("tidelock.check/1", data.format)
    assert.equal(5, #data.results)
    assert.equal(NASTY, data.results[1].subject.name)
    local again = {result(), result {subject = {type = "s3.bucket", name = "new"}}}
    assert.equal(1, form.baseline(again, form.text(report(EACH))))
    assert.is_true(again[1].known)
    assert.is_nil(again[2].known)
    assert.equal(1, runner.count(again).fail)
    local was_error = {result {result = "error"}}
    assert.equal(0, form.baseline(was_error, form.text(report(EACH))))      -- another trouble than before is new
    local unknown = {result {id = "iam-root-mfa", service = "iam", severity = "critical", result = "error",
      evidence = "not allowed"}}
    assert.equal(0, form.baseline(unknown, form.text(report(EACH))))        -- and what is not known is never known
    assert.equal(1, runner.exit(unknown))
    local ok, err = pcall(form.baseline, again, '{"format": "tidelock.check/1"}')
    assert.is_false(ok)
    assert.matches("no report of", err.message)
    ok, err = pcall(form.baseline, again, "{}")
    assert.is_false(ok)
    assert.matches("no report of", err.message)
  end)

  it("are well-formed JUnit, with a case for each subject", function()
    local text = require "report.junit".text(report(EACH))
    local n = well_formed(text)
    assert.same({5, 2, 1, 1}, {n.testcase, n.failure, n.error, n.skipped})
    assert.matches('<testsuites name="tidelock check" tests="5" failures="2" errors="1" skipped="1"', text)
  end)

  it("are OCSF: every field that class 2003 requires, with its type and a known value", function()
    local text = require "report.ocsf".text(report(EACH))
    local events = json.decode(text)
    assert.equal(5, #events)
    local again = require "report.ocsf".events(report(EACH, {started = 1765000000}))
    for i, event in ipairs(events) do
      for name, kind in pairs {activity_id = "integer", category_uid = "integer", class_uid = "integer",
        severity_id = "integer", type_uid = "integer", time = "integer"} do
        assert.equal(kind, math.type(event[name]), name)
      end
      assert.same({2003, 2, 1, 200301}, {event.class_uid, event.category_uid, event.activity_id, event.type_uid})
      assert.is_true(event.severity_id >= 0 and event.severity_id <= 6)
      assert.is_string(event.metadata.version)
      assert.is_string(event.metadata.product.vendor_name)
      assert.is_string(event.finding_info.uid)
      assert.is_string(event.finding_info.title)
      assert.is_true(#event.compliance.standards > 0)
      assert.is_string(event.compliance.control)
      assert.equal("AWS", event.cloud.provider)
      assert.is_string(event.remediation.desc)
      assert.is_true(#event.resources == 1 and type(event.resources[1].uid) == "string")
      assert.equal(event.finding_info.uid, again[i].finding_info.uid)
      assert.equal(({3, 0, 1, 99, 2})[i], event.compliance.status_id)
    end
    assert.equal(1764000000000, events[1].time)
  end)

  it("are Markdown in which a name is no markup", function()
    local text = require "report.markdown".text(report(EACH))
    assert.matches("| s3 | 1 | 0 | 0 | 1 | 1 |", text)
    assert.matches("%*%*Means:%*%* What is deleted is gone", text)
    assert.matches("\\<b\\>", require "report.markdown".escape(NASTY))
    assert.is_nil(text:find("\n<b>", 1, true))
  end)

  it("are one HTML page that asks for nothing and lets nothing in", function()
    local text = require "report.html".text(report(EACH))
    for _, word in ipairs {"<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "http:", "https:",
      '<b>&"'} do
      assert.is_nil(text:find(word, 1, true), word)
    end
    assert.matches("prefers%-color%-scheme:dark", text)
    assert.matches('name="viewport"', text)
    local body = text:match "<body>.*</body>":gsub("<br>", "")
    local n = well_formed(body)
    assert.equal(4, n.details)                       -- three that are not so, one of what is
    assert.matches('<details class="critical" open="">', text)
  end)

  it("show in HTML the last runs, where there were any, and a square for each thing", function()
    local trend = require "report.trend"
    local rows, kept = trend.add(nil, report(EACH))
    assert.is_nil((require "report.html".text(report(EACH, {trend = rows})):find("The last runs", 1, true)))
    rows = trend.add(kept, report(EACH))
    local text = require "report.html".text(report(EACH, {trend = rows}))
    assert.is_truthy(text:find("The last runs", 1, true))
    local map = text:match '<svg class="map".-</svg>'
    assert.is_true(tonumber(map:match 'viewBox="0 0 (%d+)') <= 390, "on a phone its words are scaled down")
    local _, things = map:gsub("<rect", "")
    local seen = {}
    for _, r in ipairs(EACH) do
      if r.result ~= "skip" then seen[r.service .. r.subject.name .. (r.region or "")] = true end
    end
    local n = 0
    for _ in pairs(seen) do n = n + 1 end
    assert.equal(n, things)
  end)

  describe("in a browser, on a phone", function()
    local browser = require "support.browser"
    local chromium
    setup(function() chromium = browser.start() end)
    teardown(function() if chromium then chromium:close() end end)

    local GROUND <const> = {light = 0xf7f7f5, dark = 0x14161a}
    local NAMED <const> = {light = "rgb(247, 247, 245)", dark = "rgb(20, 22, 26)"}
    local INK <const> = {light = 0x1c1e21, dark = 0xe7e9ec}
    local HIGH <const> = 1000

    local function page()
      local long = result {subject = {type = "s3.bucket", name = ("averylongname"):rep(20)},
        evidence = ("anddownthestream"):rep(20)}
      return require "report.html".text(report {EACH[1], EACH[2], EACH[3], long})
    end

    -- What is seen: how many pixels are the ground, how many the ink, how many colours; how many at the right edge,
    -- where the margin is, are not the ground; and the colours of two corners.
    local function summary(seen, scheme)
      local out, known = {ground = 0, ink = 0, colours = 0, beyond = 0}, {}
      for y, line in seen.lines() do
        for x, colour in ipairs(line) do
          if not known[colour] then out.colours, known[colour] = out.colours + 1, true end
          if colour == GROUND[scheme] then
            out.ground = out.ground + 1
          elseif x > seen.width - 8 then
            out.beyond = out.beyond + 1
          end
          if colour == INK[scheme] then out.ink = out.ink + 1 end
        end
        if y == 1 then out.first = line[1] end
        out.last = line[seen.width]
      end
      return out
    end

    it("are no wider than the window, in light and dark, with all folds open", function()
      if not chromium then return pending "chromium is not installed here" end
      task.map({"light", "dark"}, function(scheme)
        local told = chromium:measure(page(), {scheme = scheme})
        assert.equal(browser.PHONE, told.window)
        assert.is_true(told.width <= told.window, told.width .. " of " .. told.window)
        assert.equal(NAMED[scheme], told.background)
      end)
    end)

    it("are seen: ground and ink of light and dark, neither blank nor beyond the edge", function()
      if not chromium then return pending "chromium is not installed here" end
      task.map({"light", "dark"}, function(scheme)
        local seen = chromium:look(page(), {scheme = scheme, height = HIGH})
        assert.same({browser.PHONE, HIGH}, {seen.width, seen.height})
        local what = summary(seen, scheme)
        assert.same({GROUND[scheme], GROUND[scheme]}, {what.first, what.last})
        assert.equal(0, what.beyond, "something reaches into the margin at the right edge")
        local share = what.ground / (seen.width * seen.height)
        assert.is_true(share > 0.1 and share < 0.9, ("%s: %.2f of it is the ground"):format(scheme, share))
        assert.is_true(what.ink > 500, what.ink .. " pixels of ink")
        assert.is_true(what.colours > 50, what.colours .. " colours")
      end)
    end)

    it("are seen to be too wide where they are", function()
      if not chromium then return pending "chromium is not installed here" end
      local wide = page():gsub("<body>", '<body><div style="width:600px;background:#808080">.</div>')
      assert.is_true(summary(chromium:look(wide, {height = 200}), "light").beyond > 0)
    end)
  end)

  it("hold for the whole recorded account", function()
    local recorded = require "account"
    local results = {}
    for _, control in ipairs(checks.all()) do
      for _, kind in ipairs {"pass", "fail"} do
        results[#results + 1] = result {id = control.id, title = control.title, severity = control.severity,
          service = control.service, result = kind, means = control.means, todo = control.todo,
          command = control.command, subject = {type = control.subjects, name = recorded.account.prefix}}
      end
    end
    local whole = report(results)
    well_formed(require "report.junit".text(whole))
    well_formed((require "report.html".text(whole):match "<body>.*</body>":gsub("<br>", "")))
    assert.equal(#results, #json.decode(require "report.ocsf".text(whole)))
  end)
end)
