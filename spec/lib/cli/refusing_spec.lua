-- refusing_spec.lua -- words and options that a command cannot do anything with are refused, not left out; --query
-- selects from what a plan and a run print.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

-- The words, and what is said.
local REFUSED <const> = {
  {"version x", '"x" is a word too many'}, {"doctor x", '"x" is a word too many'}, {"repl x", '"x" is a word too many'},
  {"runs a b c", '"c" is a word too many'}, {"limit simulate --rate 5/min x", '"x" is a word too many'},
  {"limit simulate --rate -5/min", 'such as 25/min or 3/10s, not "%-5/min"'},
  {"limit simulate --rate 5/0min", 'not "5/0min"'}, {"limit simulate", "how many messages%?"},
  {"version --output json", "it has no %-%-output json, only text"},
  {"graph x.lua --output json", "it has no %-%-output json; it draws dot, mermaid or svg: %-%-format"},
  {"doctor --output html", "it has no %-%-output html, but text and json"},
  {"version --query x", "it takes no %-%-query"}, {"plan x.lua --query x", "add %-%-output json"},
  {"plan x.lua --output json --query a[", '%-%-query "a%["'},
  {"schedule nonsens", 'schedule does not know "nonsens"'},
  {"sandbox no-such-command", "there is no command no%-such%-command here", 127},
}

describe("the command line", function()
  for _, row in ipairs(REFUSED) do
    it(("refuses: tidelock %s"):format(row[1]), function()
      local words = {}
      for word in row[1]:gmatch "%S+" do words[#words + 1] = word end
      local code, out, err = program.run(table.unpack(words))
      assert.equal(row[3] or 64, code, err)
      assert.equal("", out)
      assert.matches(row[2], err)
    end)
  end
  it("names each place where an account file was looked for once", function()
    local path = os.tmpname()
    assert(fs.write(path, 'playbook {name = "spec/x"}\n'))
    local code, _, err = program.run("plan", path, "--account", "none")
    os.remove(path)
    assert.equal(64, code)
    local seen = {}
    for place in err:gmatch "[^%s,]+/accounts/none.lua" do
      assert.is_nil(seen[place], err)
      seen[place] = true
    end
    assert.is_truthy(seen["playbooks/accounts/none.lua"])
  end)
  it("names them as a person would write them", function()
    local _, _, err = program.run("plan", "playbooks/harden/logs.lua", "--account", "none")
    assert.matches("looked for playbooks/harden/accounts/none.lua, playbooks/accounts/none.lua,"
      .. " accounts/none.lua. Give", err, 1, true)
  end)
end)

describe("--query", function()
  local server <const> = moto.start()
  local dir <const> = fs.tempdir "refusing_spec"
  local restore
  before_each(function()
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = dir .. "/state"}))
  end)
  after_each(function() restore() end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function asked(...)
    local code, out, err = program.run(...)
    assert.equal(0, code, err)
    return (json.decode(out))
  end

  it("selects from a plan, an apply and the list of runs", function()
    local path = dir .. "/play.lua"
    assert(fs.write(path, 'playbook {name = "spec/q"} ensure.sqs.queue {name = "a"} ensure.sqs.queue {name = "b"}\n'))
    assert.same({"sqs.queue/a", "sqs.queue/b"}, (asked("plan", path, "--output", "json", "--query",
      "resources[?action=='create'].address")))
    assert.same(2, (asked("apply", path, "--yes", "--output", "json", "--query", "summary.created")))
    assert.same({"spec/q"}, (asked("runs", "--output", "json", "--query", "[].playbook")))
    assert.same(json.null, (asked("plan", path, "--output", "json", "--query", "nothing")))
  end)
end)
