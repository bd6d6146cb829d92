-- runs_spec.lua -- the list of runs, one shown and followed, two compared, one exported; from journals alone.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local store = require "playbook.store"
local program = require "support.program"

local HEAD <const> = {kind = "run", playbook = "spec/one", account = "123456789012", region = "eu-west-1", user = "me",
  host = "here"}

describe("tidelock runs", function()
  local dir, kept, restore
  before_each(function()
    dir = fs.tempdir "runs_spec"
    kept = store.open(dir)
    restore = program.environment {TIDELOCK_STATE = dir}
  end)
  after_each(function()
    restore()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function journal(id, ...)
    local j = kept:create(id)
    local head = {run = id}
    for k, v in pairs(HEAD) do head[k] = v end
    j:write(head)
    for _, record in ipairs {...} do j:write(record) end
    return j
  end

  local function done(name, action) return {kind = "resource.done", name = name, action = action, seconds = 1} end

  local function run(...) return program.run("runs", ...) end

  it("lists them, the last first, with how each stands", function()
    assert.equal("There are no runs yet.\n", (select(2, run())))
    journal("20260101-000000000-aaaa", {kind = "end", result = "done"})
    journal("20260102-000000000-bbbb", {kind = "park", name = "soak"}, {kind = "end", result = "parked"})
    journal "20260103-000000000-cccc"
    local code, out = run()
    assert.equal(0, code)
    assert.matches("^20260103%S+ +open +spec/one +123456789012 eu%-west%-1\n20260102%S+ +parked", out)
    assert.matches("\n20260101%S+ +done", out)
    local rows = assert(json.decode((select(2, run("--output", "json")))))
    assert.same({"open", "parked", "done"}, {rows[1].state, rows[2].state, rows[3].state})
  end)
  it("says that they cannot be listed, and not that there are none, where the folder cannot be read", function()
    assert(fs.write(dir .. "/runs", "no folder"))
    local code, _, told = run()
    assert.equal(69, code)
    assert.matches("The runs cannot be listed: could not list .*: Not a directory. Give another place with", told)
  end)
  it("says of one that never began that nothing was done by it", function()
    kept:create "20260101-000000000-aaaa"
    local code, out, told = run "aaaa"
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("The journal of run 20260101%-000000000%-aaaa is empty: .* nothing was done by it. Start anew", told)
    assert.matches("aaaa +empty", (select(2, run())))
    kept:folder "runs/20260102-000000000-bbbb"                 -- killed before it had a journal at all
    assert.matches("The journal of run 20260102%-000000000%-bbbb is empty", (select(3, run "bbbb")))
    code, out, told = run("aaaa", "bbbb")
    assert.equal(0, code, told)
    assert.equal("Both runs did the same.\n", out)
  end)
  it("says who it was by what is known: the user, the caller's name in AWS, or both", function()
    local who = "arn:aws:sts::123456789012:assumed-role/ops/anna"
    for i, row in ipairs {{"me", who, "by me %(assumed%-role/ops/anna%) on"},
      {nil, who, "by assumed%-role/ops/anna on"},
      {"uid 1000", nil, "by uid 1000 on"}} do
      local j = kept:create("2026010" .. i .. "-000000000-aaaa")
      j:write {kind = "run", playbook = "spec/one", user = row[1], who = row[2], host = "here"}
      assert.matches(row[3], (select(2, run("2026010" .. i))))
    end
  end)
  it("says that there is no place for them where HOME is not set, and makes none anywhere", function()
    for _, home in ipairs {false, ""} do
      local back = program.environment {TIDELOCK_STATE = false, XDG_STATE_HOME = false, HOME = home}
      local code, _, told = run()
      back()
      assert.equal(64, code)
      assert.matches("no place for the journal of runs: HOME is not set.*TIDELOCK_STATE=FOLDER.*%-%-store s3://", told)
    end
  end)
  it("shows one by a part of its name, and says which it could be", function()
    journal("20260101-000000000-aaaa", {kind = "call", service = "sqs", operation = "create_queue",
      address = "sqs.queue/x"}, {kind = "answer", call = 2, request_id = "abc"}, {kind = "end", result = "done"})
    journal("20260102-000000000-aabb")
    local code, out = run "aaaa"
    assert.equal(0, code)
    assert.matches("sqs.create_queue for sqs.queue/x\n.*answered %(request abc%)\n.*ended: done", out)
    local function refused(word, sentence)
      local exit, _, err = run(word)
      assert.equal(64, exit)
      assert.matches(sentence, err)
    end
    refused("2026", '"2026" means more than one run')
    refused("zzzz", 'there is no run "zzzz"')
  end)
  it("follows one until it ends, and shows each record once", function()
    local j = journal "20260101-000000000-aaaa"
    loop.spawn(function()
      for i = 1, 3 do
        loop.sleep(0.3)
        j:write {kind = "step.done", name = "s" .. i}
      end
      j:write {kind = "end", result = "failed", message = "no good"}
    end)
    local code, out = run("last", "--follow")
    assert.equal(0, code)
    local _, n = out:gsub('step.done "s%d"\n', "")
    assert.equal(3, n)
    assert.matches("ended: failed %- no good\n$", out)
  end)
  it("compares two: what only one did, and what they did otherwise", function()
    journal("20260101-000000000-aaaa", done("sqs.queue/a", "create"), done("sqs.queue/b", "create"),
      {kind = "step.done", name = "send"})
    journal("20260102-000000000-bbbb", done("sqs.queue/a", "create"), done("sqs.queue/b", "update"),
      {kind = "resource.fail", name = "sqs.queue/c", action = "create", message = "no"})
    local code, out = run("aaaa", "bbbb")
    assert.equal(0, code)
    assert.is_nil(out:find("sqs.queue/a", 1, true))
    assert.matches("sqs.queue/b +resource.done create | resource.done update", (out:gsub("|", "|")))
    assert.matches("sqs.queue/c +%- | resource.fail create", out)
    assert.matches("send +step.done  | %-", out)
    assert.equal("Both runs did the same.\n", (select(2, run("aaaa", "aaaa"))))
  end)
  it("exports one as Markdown and as a page, and refuses what is no form of it", function()
    journal("20260101-000000000-aaaa", {kind = "step.done", name = "<b> | x"}, {kind = "end", result = "done"})
    assert.matches("step.done \"<b> \\| x\" |", (select(2, run("aaaa", "--markdown"))), 1, true)
    local page = select(2, run("aaaa", "--output", "html"))
    assert.matches("&lt;b&gt; | x", page, 1, true)
    journal("20260101-000000000-bbbb", {kind = "resource.start", name = "sqs.queue/a", action = "create"},
      {kind = "resource.start", name = "sqs.queue/b", action = "create", after = {"sqs.queue/a"}})
    page = select(2, run("bbbb", "--html"))
    assert.equal(2, select(2, page:gsub('<g class="g%-', "")))
    assert.equal(1, select(2, page:gsub("<path d=", "")))
  end)
end)
