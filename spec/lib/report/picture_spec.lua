-- The page and the picture of a run: a box each, left what came first, an arrow to what leans on it; safe text.
local picture = require "report.picture"
local runpage = require "report.runpage"

local function h(text) return (require "report.junit".escape(text)) end

local function resource(name, after, result)
  return {name = name, kind = "resource", result = result or "pass", text = "created", after = after}
end

-- {[name] = {x, y, class}} of the boxes, by their titles; and how many arrows there are, whole and dashed.
local function read(html)
  local boxes, lines, dashed = {}, 0, 0
  for class, title, shape in html:gmatch '<g class="g%-(%w+)"><title>(.-): [^<]*</title><(%w+ [^>]*)/>' do
    local x, y = shape:match 'x="(%d+)" y="(%d+)"'
    if not x then x, y = shape:match 'points="(%d+),(%d+)' end
    boxes[title] = {x = tonumber(x), y = tonumber(y), class = class}
  end
  for _ in html:gmatch '<path d=' do lines = lines + 1 end
  for _ in html:gmatch '<path class="then"' do dashed = dashed + 1 end
  return boxes, lines, dashed
end

describe("the picture of a run", function()
  it("stands what leans on something to its right, and joins them", function()
    local boxes, lines = read(picture.html({resource "sqs.queue/dlq", resource("sqs.queue/work", {"sqs.queue/dlq"}),
      resource "s3.bucket/b", resource("iam.role/r", {"s3.bucket/b", "sqs.queue/work"})}, h))
    assert.is_true(boxes["sqs.queue/dlq"].x < boxes["sqs.queue/work"].x)
    assert.is_true(boxes["sqs.queue/work"].x < boxes["iam.role/r"].x)
    assert.equal(boxes["sqs.queue/dlq"].x, boxes["s3.bucket/b"].x)
    assert.not_equal(boxes["sqs.queue/dlq"].y, boxes["s3.bucket/b"].y)
    assert.equal(3, lines)
  end)
  it("stands a step after all that was above it, and what comes next after the step", function()
    local boxes, _, dashed = read(picture.html({resource "a/1", resource "a/2", {name = "look", kind = "step",
      result = "pass", text = "done"}, resource "a/3"}, h))
    assert.is_true(boxes["a/1"].x < boxes.look.x and boxes.look.x < boxes["a/3"].x)
    assert.equal(3, dashed)
  end)
  it("shows what the run did not touch but something leans on, and how each came out", function()
    local boxes = read(picture.html({resource("a/1", {"a/0"}, "fail"), resource("a/2", {}, "skip")}, h))
    assert.same({"none", "fail", "skip"}, {boxes["a/0"].class, boxes["a/1"].class, boxes["a/2"].class})
    assert.is_true(boxes["a/0"].x < boxes["a/1"].x)
  end)
  it("escapes names and cuts long ones, but tells them whole in the title", function()
    local html = picture.html({resource('s3.bucket/<b>&"' .. ("long"):rep(20))}, h)
    assert.is_nil(html:find("<b>", 1, true))
    assert.matches(("long"):rep(20) .. ": created</title>", html, 1, true)
    assert.is_nil(html:match "<text[^>]*>([^<]*)</text></g>":find(("long"):rep(10), 1, true))
    assert.matches("…</text>", picture.html({resource("s3.bucket/" .. ("ü"):rep(60))}, h), 1, true)
    assert.matches("...</text>", picture.html({resource("x/\xff" .. ("y"):rep(300))}, h), 1, true)
  end)
  it("is nothing where nothing was done, and folded where it is large", function()
    assert.equal("", picture.html({}, h))
    local many = {}
    for i = 1, 61 do many[i] = resource("a/" .. i) end
    assert.matches("^<details><summary>What leans on what, 61 boxes", picture.html(many, h))
  end)
end)

describe("the page of a run", function()
  local RECORDS <const> = {
    {kind = "run", run = "r1", playbook = "p/<q>", account = "1", region = "eu-west-1", at = "2026-01-01T00:00:00Z",
      host = "h"},
    {kind = "resource.start", name = "sqs.queue/dlq", action = "create"},
    {kind = "resource.done", name = "sqs.queue/dlq", action = "create", seconds = 0.5},
    {kind = "resource.start", name = "sqs.queue/work", action = "create", after = {"sqs.queue/dlq"}},
    {kind = "resource.fail", name = "sqs.queue/work", message = "refused"},
    {kind = "step.start", name = "begun"},
    {kind = "step.skipped", name = "left", why = "not needed"},
  }
  it("draws each thing once, as the journal last says of it; what began and did not end is an error", function()
    local drawn = {}
    for i, row in ipairs(runpage.drawn(RECORDS)) do drawn[i] = ("%s %s %s"):format(row.kind, row.name, row.result) end
    assert.same({"resource sqs.queue/dlq pass", "resource sqs.queue/work fail", "step begun error", "step left skip"},
      drawn)
  end)
  it("needs nothing else, and escapes what it shows", function()
    local text = runpage.text(RECORDS, {id = "r1", state = "failed", by = "a & b"}, function(r)
      return "at  " .. r.kind .. " <i>"
    end)
    assert.matches("p/&lt;q&gt;", text, 1, true)
    assert.matches("a &amp; b", text, 1, true)
    assert.is_nil(text:find("<i>", 1, true))
    for _, alien in ipairs {"<script", "src=", "href=", "http://", "https://", "@import", "url%("} do
      assert.is_nil(text:find(alien), alien)
    end
    local _, lines = read(text)
    assert.equal(1, lines)
  end)
  it("fits a window as small as a phone's: the picture scrolls by itself", function()
    local browser = require "support.browser"
    local chromium = browser.start()
    if not chromium then return pending "chromium is not installed here" end
    local ok, told = pcall(chromium.measure, chromium, runpage.text(RECORDS, {id = "r1", state = "failed", by = "me"},
      function(r) return "2026-01-01T00:00:00.000Z  " .. r.kind .. ("averylongword"):rep(20) end))
    chromium:close()
    assert(ok, told)
    assert.equal(browser.PHONE, told.window)
    assert.is_true(told.width <= told.window, told.width .. " of " .. told.window)
    assert.equal(4, told.boxes)
  end)
end)
