local playbook = require "playbook"
local things = require "support.things"

local TWO <const> = [[
local a = ensure.test.thing {name = "a", Size = 5}
local b = ensure.test.thing {name = "b", Link = a.arn .. "/x"}
output {b = b.arn}]]

local function refused(text, options)
  local ok, err = pcall(things.plan, things.world(), text, options)
  assert.is_false(ok)
  return tostring(err):gsub("/tmp/[%w_]+%.lua", "p"), err
end

describe("a plan", function()
  it("creates what is not there, after what it leans on, and writes nothing", function()
    local world = things.world()
    local engine = things.plan(world, TWO)
    assert.same({["test.thing/a"] = "create", ["test.thing/b"] = "create"}, things.actions(engine))
    assert.equal(0, engine.recorder.writes)
    assert.equal(3, engine.recorder.reads)
    assert.same({}, world.store)
  end)
  it("says what differs, property by property, and why nothing is to be done", function()
    local world = things.world()
    things.apply(world, TWO)
    world.store.a.Size = 9
    local engine = things.plan(world, TWO)
    assert.same({{name = "Size", before = 9, after = 5}}, engine.nodes[1].changes)
    assert.equal("Size differs", engine.nodes[1].why)
    assert.matches("as declared", engine.nodes[2].why)
  end)
  it("puts a default back where a property is no longer given", function()
    local world = things.world()
    things.apply(world, 'ensure.test.thing {name = "a", Size = 5}')
    assert.equal("update", things.plan(world, 'ensure.test.thing {name = "a"}').nodes[1].action)
  end)
  it("replaces where a property cannot be changed, and updates what leans on it with what is not yet known", function()
    local world = things.world()
    things.apply(world, [[local a = ensure.test.thing {name = "a", Kind = "x"}
      ensure.test.thing {name = "b", Link = a.arn}]])
    local engine = things.plan(world, [[local a = ensure.test.thing {name = "a", Kind = "y"}
      ensure.test.thing {name = "b", Link = a.arn}]])
    assert.same({["test.thing/a"] = "replace", ["test.thing/b"] = "update"}, things.actions(engine))
    assert.is_true(engine.nodes[2].changes[1].unknown)
  end)
  it("compares documents by meaning and sets in any order", function()
    local world = things.world()
    things.apply(world, [[ensure.test.thing {name = "a", Links = {"x", "y"},
      Doc = {Statement = {Effect = "Allow", Action = "s3:Get", Principal = {AWS = "123456789012"}}}}]])
    local engine = things.plan(world, [[ensure.test.thing {name = "a", Links = {"y", "x"},
      Doc = {Statement = {{Effect = "Allow", Action = {"S3:get"},
        Principal = {AWS = {"arn:aws:iam::123456789012:root"}}}}}}]])
    assert.equal("none", engine.nodes[1].action)
  end)
  it("raises what could not be read, and never takes it for absent", function()
    local world = things.world()
    world.fail["get_thing a"] = "AccessDenied"
    local ok, err = pcall(things.plan, world, TWO)
    assert.is_false(ok)
    assert.matches("test.thing/a could not be read: AccessDenied", tostring(err))
  end)
  it("refuses credentials of another account than the file's", function()
    local text, err = refused(TWO, {account = {prefix = "x", env = "y", id = "999999999999"}})
    assert.matches("are of account 123456789012, but account.lua is for account 999999999999", text)
    assert.equal(77, err.exit)
  end)
  it("is narrowed to a target and what it leans on", function()
    local engine = things.plan(things.world(), TWO .. '\nensure.test.thing {name = "c"}', {target = {"test.thing/b"}})
    assert.same({["test.thing/a"] = "create", ["test.thing/b"] = "create"}, things.actions(engine))
  end)
end)

describe("a property with parts that are not known yet", function()
  local SHELF <const> = [[local a = ensure.test.thing {name = "a", Kind = %q}
    ensure.test.shelf {name = "s", Kind = a.arn, Doc = {Rules = {{Id = "r", Key = a.arn, Days = %d}}},
      Lock = {Mode = "m", Holder = a.arn}}]]

  it("is read and compared all the same: the second plan has nothing to do, and the second apply writes nothing",
    function()
      local world = things.world()
      things.apply(world, SHELF:format("x", 1))
      assert.same({["test.thing/a"] = "none", ["test.shelf/s"] = "none"},
        things.actions(things.plan(world, SHELF:format("x", 1))))
      assert.equal(0, things.apply(world, SHELF:format("x", 1)).recorder.writes)
    end)
  it("where it says where the thing is, is waited for before that is looked for", function()
    local text = [[local room = ensure.test.thing {name = "r"}
      ensure.test.guest {name = "g", Room = room.arn} ensure.test.guest {name = "h", Room = "here"}]]
    local world = things.world()
    things.apply(world, text)
    local again = things.apply(world, text)
    assert.equal(0, again.recorder.writes)
    assert.same({["test.thing/r"] = "none", ["test.guest/g"] = "none", ["test.guest/here/h"] = "none"},
      things.actions(again))
  end)
  it("shows what is known beside what will be", function()
    local world = things.world()
    things.apply(world, SHELF:format("x", 1))
    local engine = things.plan(world, SHELF:format("y", 2))
    local text = table.concat(require "report.terminal".plan(engine, require "report.paint".new(false), {}), "\n")
    assert.matches("Doc.Rules[1].Days 1 -> 2", text:gsub(" +", " "), 1, true)
    assert.matches('Doc.Rules[1].Key "arn:thing:a:1" -> (known after apply)', text:gsub(" +", " "), 1, true)
  end)
  it("forces no replacement by what is not known, but by a known part that differs", function()
    local world = things.world()
    things.apply(world, SHELF:format("x", 1))
    assert.equal("update", things.plan(world, SHELF:format("y", 1)).nodes[2].action)
    assert.equal("replace", things.plan(world, (SHELF:format("y", 1):gsub('"m"', '"n"'))).nodes[2].action)
  end)
end)

describe("an apply", function()
  it("hands real values along the graph", function()
    local world = things.world()
    local engine = things.apply(world, TWO)
    assert.equal("arn:thing:a:1/x", world.store.b.Link)
    assert.equal(world.store.b.arn, playbook.outputs(engine).b)
    assert.equal(2, playbook.summary(engine).created)
  end)
  it("makes no write the second time", function()
    local world = things.world()
    things.apply(world, TWO)
    local engine = things.apply(world, TWO)
    assert.equal(0, engine.recorder.writes)
    assert.equal(2, playbook.summary(engine).unchanged)
  end)
  it("sends only what changed", function()
    local world = things.world()
    things.apply(world, TWO)
    world.store.a.Size = 9
    local engine = things.apply(world, TWO)
    assert.equal(1, engine.recorder.writes)
    assert.equal(5, world.store.a.Size)
  end)
  it("leaves alone what leans on a failure, and does the rest", function()
    local world = things.world()
    world.fail["create_thing a"] = "LimitExceeded"
    local engine = things.apply(world, TWO .. '\nensure.test.thing {name = "c"}')
    assert.equal("failed", engine.nodes[1].result)
    assert.equal("skipped", engine.nodes[2].result)
    assert.equal("create", engine.nodes[3].result)
    assert.is_nil(world.store.b)
    assert.is_table(world.store.c)
  end)
  it("replaces by deleting first, and gives the new value on", function()
    local world = things.world()
    local function text(kind)
      return ([[local a = ensure.test.thing {name = "a", Kind = %q}
        ensure.test.thing {name = "b", Link = a.arn}]]):format(kind)
    end
    things.apply(world, text "x")
    things.apply(world, text "y")
    assert.equal("arn:thing:a:3", world.store.b.Link)
    assert.equal("y", world.store.a.Kind)
  end)
  it("tags what it makes with the playbook that owns it, the account's tags and its own", function()
    local world = things.world()
    things.apply(world, 'ensure.test.thing {name = "a", tags = {Purpose = "p"}}',
      {account = {prefix = "x", env = "prod", tags = {Team = "t"}}})
    assert.same({ManagedBy = "tidelock", Environment = "prod", Team = "t", Purpose = "p",
      ["tidelock:playbook"] = "spec/one"}, world.store.a.Tags)
  end)
  it("walks two thousand resources in a chain of ten and in parallel", function()
    local world = things.world()
    things.apply(world, [[local last
      for i = 1, 2000 do
        local link = i % 10 ~= 1 and last.arn or nil
        last = ensure.test.thing {name = "t" .. i, Link = link}
      end]])
    local n = 0
    for _ in pairs(world.store) do n = n + 1 end
    assert.equal(2000, n)
    assert.equal(world.store.t9.arn, world.store.t10.Link)
  end)
end)

describe("a faulty playbook is refused before any request:", function()
  it("a syntax error", function()
    local text, err = refused 'local x = = 1'
    assert.matches("^p:1: unexpected symbol near '='", text)
    assert.equal(65, err.exit)
  end)
  it("no header", function()
    local path = things.file "playbook = nil"
    local ok, err = pcall(playbook.load, path, {})
    os.remove(path)
    assert.is_false(ok)
    assert.matches("a playbook begins with its header", tostring(err))
  end)
  it("all faults of the file at once, each with its line", function()
    local text = refused [[
      local q = ensure.test.thing {name = "a", Sise = 5}
      ensure.test.thing {name = "b", Size = "big", Mode = "fsat"}
      ensure.test.thin {name = "c"}
      ensure.tset.thing {name = "d"}
      ensure.test.thing {Size = 3}
      local x = var.wiat
      ensure.test.thing {name = account.prefix, Size = 101}
      ensure.test.thing {name = "e", Link = q}]]
    assert.equal([[
p:1: test.thing: Sise is not a property of it; did you mean "Size"?
p:2: test.thing: Mode is "fsat", which AWS does not know; did you mean "fast"?
p:2: test.thing: Size must be a whole number, not the text "big"
p:3: there is no resource type test.thin; did you mean "test.thing"?
p:4: ensure.tset: there are no resource types of that service; did you mean "test"?
p:5: test.thing: name is missing
p:6: there is no var "wiat"; vars are declared in the playbook's header
p:7: account.prefix is asked for, but there is no account file; give one with --account FILE
p:7: test.thing: Size is 101, and the most is 100
9 faults. Nothing was sent.]], text)
  end)
  it("that there is no account file once, however often one is asked for", function()
    assert.equal("p:1: account.prefix is asked for, but there is no account file; give one with --account FILE."
      .. " Nothing was sent.", (refused [[ensure.test.thing {name = account.prefix}
      ensure.test.thing {name = account.env .. account.emails.costs}]]))
  end)
  it("what its text shows and what running it shows, in one round", function()
    local text = refused [[
      local a = ensure.test.thing {name = "a", Sise = 5}
      local b = ensure.test.thing {name = "b", Kind = acount.prefix}
      if b.arn then print(acount) end
      ensure.test.thing {name = "c", Mode = "fsat"}
      ensure.test.thing {name = "b"}]]
    assert.equal([[
p:1: test.thing: Sise is not a property of it; did you mean "Size"?
p:2: acount is not defined; did you mean "account"?
p:3: acount is not defined; did you mean "account"?
p:3: b.arn is not known before apply, so the playbook cannot branch on it; %s
p:4: test.thing: Mode is "fsat", which AWS does not know; did you mean "fast"?
p:5: test.thing/b is declared twice; the other is at p:2
6 faults. Nothing was sent.]], (text:gsub("ask known%b(), or decide by the account file or a var", "%%s")))
  end)
  it("one fault of a resource that others hang on, once: by a name, and by after", function()
    assert.equal('p:1: test.thing: Sise is not a property of it; did you mean "Size"? Nothing was sent.', (refused [[
      local a = ensure.test.thing {name = "a", Sise = 5}
      ensure.test.thing {name = a.name} ensure.test.thing {name = a.name .. "-2"}
      ensure.test.thing {name = "b", after = a}]]))
  end)
  it("what a type's own check finds, but not where it looked for a value that is known later, or is a fault", function()
    assert.matches("p:1: test.thing: Link is missing: a linked thing needs it",
      (refused 'ensure.test.thing {name = "a", Kind = "linked"}'))
    local engine = things.plan(things.world(), [[local a = ensure.test.thing {name = "a"}
      ensure.test.thing {name = "b", Kind = "linked", Link = a.arn}]])
    assert.equal("create", engine.nodes[2].action)
    assert.equal("p:1: account.prefix is asked for, but there is no account file; give one with --account FILE."
      .. " Nothing was sent.", (refused [[local link = account.prefix
        ensure.test.thing {name = "a", Kind = "linked", Link = link .. "/x"}]]))
  end)
  it("also beside a loop without an end", function()
    local loaded = things.load 'ensure.test.thing {name = "a", Sise = 5} while true do end'
    local context = things.context(things.world())
    context.instructions = 1000000
    local ok, err = pcall(playbook.plan, loaded, context)
    assert.is_false(ok)
    assert.matches("ran too long without an end.*Sise is not a property.*2 faults", tostring(err))
  end)
  it("a duplicate, naming the other", function()
    assert.matches("p:2: test.thing/a is declared twice; the other is at p:1",
      (refused 'ensure.test.thing {name = "a"}\nensure.test.thing {name = "a"}'))
  end)
  it("a cycle, with its path", function()
    assert.matches("in a circle: test.thing/a %-> test.thing/b %-> test.thing/a", (refused
      [[local a = ensure.test.thing {name = "a", after = {"test.thing/b"}}
        ensure.test.thing {name = "b", Link = a.arn}]]))
  end)
  it("a handle used as a number, and a whole handle where a field belongs", function()
    assert.matches("p:1: test.thing/a.arn is not known before apply, so it cannot be used as a number",
      (refused 'local a = ensure.test.thing {name = "a"} local n = a.arn + 1'))
    assert.matches("Link is a whole resource: name one of its fields",
      (refused 'local a = ensure.test.thing {name = "a"} ensure.test.thing {name = "b", Link = a}'))
  end)
  it("a branch on an unknown value", function()
    assert.matches("p:1: a.arn is not known before apply, so the playbook cannot branch on it",
      (refused 'local a = ensure.test.thing {name = "a"} if a.arn then end'))
  end)
  it("a misspelt field of a handle", function()
    assert.matches('p:1: test.thing/a has no field "anr"; did you mean "arn"?',
      (refused 'local a = ensure.test.thing {name = "a"} output {x = a.anr}'))
  end)
  it("what the engine's own words do not take", function()
    for words, sentence in pairs {
      ['ignore = {"Sise"}'] = 'ignore names Sise, which is not a property of it; did you mean "Size"%?',
      ['ignore = "Size"'] = 'ignore takes a list of properties, such as {"Size"}',
      ['protect = "yes"'] = "protect must be true or false",
      ['after = 3'] = "after takes resources %(what ensure returned%) or addresses",
    } do
      assert.matches("p:1: test.thing/a: " .. sentence, (refused('ensure.test.thing {name = "a", ' .. words .. "}")))
    end
  end)
  it("an undefined variable", function()
    assert.matches('p:1: acount is not defined; did you mean "account"?', (refused "local x = acount.prefix"))
  end)
  it("an endless loop", function()
    local loaded = things.load "while true do end"
    local context = things.context(things.world())
    context.instructions = 1000000
    local ok, err = pcall(playbook.plan, loaded, context)
    assert.is_false(ok)
    assert.matches("ran too long", tostring(err))
  end)
  it("clock and chance outside steps, naming the remedy", function()
    assert.matches("use random%(%), which the journal keeps", (refused "local x = math.random()"))
    assert.matches("use now%(%), which the journal keeps", (refused "local x = os.time()"))
  end)
  it("an AWS call outside steps", function()
    assert.matches("put the call into a step's run function", (refused "aws.sqs:list_queues {}"))
  end)
  it("a text to load that nobody has written", function()
    assert.matches("p:1: load takes a text of at most 1048576 bytes in a playbook, not 4000000",
      (refused 'load(("x=1 "):rep(1000000))'))
  end)
  it("what the sandbox has not", function()
    assert.matches("p:1: os.execute is not there: what comes from outside", (refused 'os.execute "true"'))
  end)
end)
