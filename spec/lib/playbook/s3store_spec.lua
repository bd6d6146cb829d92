local aws = require "aws"
local journal = require "playbook.journal"
local moto = require "support.moto"
local playbook = require "playbook"
local run = require "playbook.run"
local s3store = require "playbook.s3store"
local things = require "support.things"

describe("a store in S3 and DynamoDB", function()
  local server <const> = moto.start()
  local session, said, kept

  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    session = server:session {region = "us-east-1"}
    session.s3:create_bucket {Bucket = "runs-" .. server.account}
    said = {}
    kept = s3store.open(("s3://runs-%s/team/a"):format(server.account), session,
      function(text) said[#said + 1] = text end)
  end)

  local INFO <const> = {run = "r1", host = "h", start = "then", pid = 1}

  local function objects(id)
    local n = 0
    for _ in session.s3:items("list_objects_v2", {Bucket = kept.bucket, Prefix = kept:key("runs", id) .. "/"}) do
      n = n + 1
    end
    return n
  end

  it("keeps what must be kept before it returns, what need not with the next, and what comes at once together",
    function()
      local loop, task = require "tidelock.loop", require "task"
      local paths = require "playbook.objects"
      local lingers <const> = paths.LINGER
      finally(function() paths.LINGER = lingers end)
      paths.LINGER = 60                                    -- nothing of it comes by itself while the rest is looked at
      local j = kept:create "r1"
      j:write {kind = "run", run = "r1"}
      assert.equal(1, objects "r1")
      j:write {kind = "answer"}
      j:write {kind = "resource.done", name = "x", action = "create", seconds = 1}
      assert.equal(1, objects "r1")
      j:write {kind = "call"}
      assert.equal(2, objects "r1")
      task.map({1, 2, 3, 4, 5, 6, 7, 8}, function(i)
        local record = j:write {kind = "call", i = i}
        local seen = false
        for _, r in ipairs(kept:records "r1") do seen = seen or r.n == record.n end
        assert.is_true(seen, "kept when it returns")
      end)
      assert.is_true(objects "r1" <= 5, "eight at once are few objects")
      for i, record in ipairs(kept:records "r1") do assert.equal(i, record.n) end
      paths.LINGER = 0.3
      j:write {kind = "answer"}
      local deadline, records = loop.now() + 20
      repeat
        loop.sleep(0.1)
        records = kept:records "r1"
      until records[#records].kind == "answer" or loop.now() > deadline
      assert.equal("answer", records[#records].kind)
    end)
  it("sends nothing whose record could not be kept, whichever of a group", function()
    local real, fail = session.s3, false
    local frail = setmetatable({put_object = function(_, input)
      if fail then error({code = "SlowDown", message = "slow down"}, 0) end
      return real:put_object(input)
    end}, {__index = function(_, name) return function(_, ...) return real[name](real, ...) end end})
    local other = s3store.open(("s3://runs-%s/team/a"):format(server.account), setmetatable({s3 = frail},
      {__index = session}))
    local j = other:create "r4"
    j:write {kind = "run", run = "r4"}
    fail = true
    j:write {kind = "answer"}
    local out = require "task".map({1, 2, 3}, function() return (pcall(j.write, j, {kind = "call"})) end)
    assert.same({false, false, false}, out)
    fail = false
    assert.is_false((pcall(j.write, j, {kind = "call"})), "a journal with a hole is not gone on with")
    assert.equal(1, #kept:records "r4")
  end)
  it("keeps its objects in order, and reads them back", function()
    local j = kept:create "r1"
    j:write {kind = "run", run = "r1"}
    j:write {kind = "end", result = "done"}
    local records = kept:records "r1"
    assert.same({"run", "end"}, {records[1].kind, records[2].kind})
    assert.same({"r1"}, kept:runs())
    assert.equal("done", journal.state(records))
  end)
  it("goes on after the last object, and refuses a second process that writes the same run", function()
    kept:create("r1"):write {kind = "run", run = "r1"}
    local one, two = kept:reopen "r1", kept:reopen "r1"
    one:write {kind = "resume"}
    local ok, err = pcall(two.write, two, {kind = "resume"})
    assert.is_false(ok)
    assert.matches("another process goes on with this run", tostring(err))
  end)
  it("takes its own object for its own where the answer to the first try was lost", function()
    local real, tries = session.s3, 0
    local forgetful = setmetatable({put_object = function(_, input)
      real:put_object(input)
      tries = tries + 1
      error({code = "PreconditionFailed", attempts = 2, message = "it is there"}, 0)
    end}, {__index = function(_, name) return function(_, ...) return real[name](real, ...) end end})
    local other = s3store.open(("s3://runs-%s/team/a"):format(server.account), setmetatable({s3 = forgetful},
      {__index = session}))
    other:create("r2"):write {kind = "run", run = "r2"}
    assert.equal(1, tries)
    assert.equal("run", kept:records("r2")[1].kind)
  end)
  it("writes nothing more once its lock is lost", function()
    local j = kept:create "r3"
    j:write {kind = "run", run = "r3"}
    kept.lost = true
    local ok, err = pcall(j.write, j, {kind = "call"})
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.matches("lock was lost to another run", tostring(err))
    assert.equal(1, #kept:records "r3")
  end)
  it("that cannot be reached is told, and nothing is begun", function()
    local world = things.world()
    local away = aws.session {region = "us-east-1", endpoint_url = "http://127.0.0.1:1", max_attempts = 1,
      credentials = server.credentials}
    local ok, err = pcall(function()
      return run.execute(playbook.plan(things.load 'ensure.test.thing {name = "a"}', things.context(world)),
        {store = s3store.open("s3://runs/x", away)})
    end)
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.same({}, world.store)
  end)
  it("lets a run that is gone on with take its own lock, and the one that held it before loses it", function()
    local first = kept:lock("k", INFO)
    local second = kept:lock("k", INFO)
    assert.same({"Making the table tidelock-locks for locks."}, said)
    first.close()                              -- of the dead: it takes nothing from the living
    local ok = pcall(kept.lock, kept, "k", {run = "r9", host = "h", start = "now", pid = 2})
    assert.is_false(ok)
    second.close()
    kept:lock("k", {run = "r9", host = "h", start = "now", pid = 2}).close()
  end)
  it("is named in the command that goes on with a run which is kept there", function()
    local out = run.execute(playbook.plan(things.load 'approve "go"', things.context(things.world())), {store = kept})
    assert.equal("parked", out.result)
    local words <const> = ('tidelock resume %s --store s3://runs-%s/team/a --approve "go"'):format(out.run,
      server.account)
    assert.is_truthy(out.message:find(words, 1, true), out.message)
    local ok, err = pcall(run.execute, playbook.plan(things.load 'approve "go"', things.context(things.world())),
      {store = kept})
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find(("tidelock resume %s --store s3://"):format(out.run), 1, true), tostring(err))
  end)
  it("makes no lock table where its bucket is not there", function()
    local wrong = s3store.open("s3://misspelt/runs", session, function(text) said[#said + 1] = text end)
    local ok, err = pcall(wrong.lock, wrong, "k", INFO)
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.matches("The store s3://misspelt cannot be used: .*NoSuchBucket", tostring(err))
    assert.same({}, said)
    assert.same({}, session.dynamodb:list_tables {}.TableNames)
  end)
  it("makes its lock table, and lets one writer in, naming the other", function()
    do
      local lock <close> = kept:lock("acct/region", INFO)    -- luacheck: ignore
      assert.matches("Making the table tidelock%-locks", said[1])
      local ok, err = pcall(kept.lock, kept, "acct/region", {run = "r2", host = "i", start = "now", pid = 2})
      assert.is_false(ok)
      assert.matches("run r1 on h since then", tostring(err))
      local words <const> = ("--store s3://%s/team/a"):format(kept.bucket)
      assert.matches(("If it was killed, go on with it at once: tidelock resume r1 %s; or wait "):format(words),
        tostring(err), 1, true)
      local left = tonumber(tostring(err):match "or wait (%d+) s, until")
      assert.is_true(left > s3store.LEASE - 10 and left <= s3store.LEASE + 1, tostring(err))
    end
    local again <close> = kept:lock("acct/region", INFO)     -- luacheck: ignore
  end)
  it("takes over the lock of a holder that gave no sign of life, and says so", function()
    kept:lock("acct/region", INFO).close()
    session.dynamodb:put_item {TableName = "tidelock-locks", Item = {id = {S = "acct/region"}, run = {S = "dead"},
      host = {S = "gone"}, start = {S = "long ago"}, token = {S = "t"}, expires = {N = "1"}}}
    local lock <close> = kept:lock("acct/region", INFO)      -- luacheck: ignore
    assert.matches("Took over the lock of run dead on gone", said[#said])
  end)
  it("holds its lock as long as it gives signs of life, however short the lease", function()
    local lease, beat = s3store.LEASE, s3store.BEAT
    s3store.LEASE, s3store.BEAT = 2, 0.3
    local lock = kept:lock("k", INFO)
    local function expires()
      local item = session.dynamodb:get_item {TableName = "tidelock-locks", Key = {id = {S = "k"}}}.Item
      return tonumber(item.expires.N)
    end
    local first, loop = expires(), require "tidelock.loop"
    local deadline = loop.now() + 20
    loop.sleep(2.4)
    while expires() < first + 2 and loop.now() < deadline do loop.sleep(0.1) end
    local ok, err = pcall(kept.lock, kept, "k", {run = "r2", host = "i", start = "now", pid = 2})
    local last = expires()
    lock.close()
    s3store.LEASE, s3store.BEAT = lease, beat
    assert.is_false(ok)
    assert.matches("run r1 on h", tostring(err))
    assert.is_true(last >= first + 2)
  end)

  -- As if the process had slept through its lease, while another took the lock.
  local function slept(taken)
    local lock = kept:lock("k", INFO)
    local j = kept:create(taken and "r1" or "r0")
    j:write {kind = "run", run = "r1"}
    kept.held.renewed = kept.held.renewed - s3store.LEASE
    if taken then
      session.dynamodb:put_item {TableName = "tidelock-locks", Item = {id = {S = "k"}, run = {S = "r2"},
        host = {S = "i"}, start = {S = "now"}, token = {S = "t2"}, expires = {N = "99999999999"}}}
    end
    local ok, err = pcall(j.write, j, {kind = "call"})
    lock.close()
    return ok, err
  end

  it("asks for its lock again after it slept through the lease, before it writes", function()
    assert.is_true((slept(false)))
    local ok, err = slept(true)
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.matches("lock was lost to another run", tostring(err))
    assert.matches("The lock was lost: nothing more is written by this run", said[#said])
    local item = session.dynamodb:get_item {TableName = "tidelock-locks", Key = {id = {S = "k"}}}.Item
    assert.equal("r2", item.run.S, "the lock of the other stays")
  end)
  it("a run whose lock is lost in the middle sends nothing more, and says how to go on", function()
    local world = things.world()
    local made = world.answer["test.create_thing"]
    world.answer["test.create_thing"] = function(input)
      kept.lost = true
      return made(input)
    end
    local ok, out = pcall(function()
      return run.execute(playbook.plan(things.load [[local a = ensure.test.thing {name = "a"}
        ensure.test.thing {name = "b", Link = a.arn}]], things.context(world)), {store = kept})
    end)
    assert.is_false(ok)
    assert.equal(69, out.exit)
    assert.matches("lock was lost to another run.*tidelock resume", tostring(out))
    assert.is_nil(world.store.b)
  end)
  it("lists runs by their first object and their last", function()
    local j = kept:create "r1"
    for _ = 1, 4 do j:write {kind = "call"} end
    j:write {kind = "end", result = "done"}
    kept:create("r2"):write {kind = "run", run = "r2"}
    local outline = kept:outline "r1"
    assert.equal(2, #outline)
    assert.equal("done", journal.state(outline))
    assert.equal("open", journal.state(kept:outline "r2"))
    assert.is_nil(kept:outline "r3")
  end)
  it("says in a sentence that the bucket is not there", function()
    local missing = s3store.open("s3://nowhere", session)
    local ok, err = pcall(function() missing:create("r"):write {kind = "run"} end)
    assert.is_false(ok)
    assert.matches("The journal cannot be written", tostring(err))
  end)
  it("carries a whole run, parked and resumed", function()
    local world = things.world()
    local path = things.file [[playbook {name = "spec/s3"} ensure.test.thing {name = "a"} approve "go"
      ensure.test.thing {name = "b"}]]
    local plan = playbook.plan(playbook.load(path, {}), things.context(world))
    local out = run.execute(plan, {store = kept})
    assert.equal("parked", out.result)
    local again = run.resume(out.run, {store = kept, approved = {go = true}, sleep = function() end},
      function() return things.context(world) end)
    os.remove(path)
    assert.equal("done", again.result)
    assert.is_table(world.store.b)
    assert.is_nil(kept:open_run "123456789012/eu-west-1/spec/s3")
  end)
end)
