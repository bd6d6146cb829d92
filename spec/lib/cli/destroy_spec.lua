-- destroy deletes, and does nothing else: not to what is gone already, not to what is another playbook's.
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"
local support = require "support.server"

describe("tidelock destroy", function()
  local server <const> = moto.start()
  local folder, session

  setup(function()
    folder = support.folder()
    session = server:session()
    local file <close> = assert(io.open(folder .. "/two.lua", "w"))
    file:write [[
      playbook {name = "spec/two"}
      ensure.sqs.queue {name = "gone"}
      ensure.sqs.queue {name = "left"}
      ensure.sqs.queue {name = "theirs", VisibilityTimeout = 40}
    ]]
  end)
  teardown(function()
    server:stop()
    support.remove(folder)
  end)

  local function tidelock(...)
    local env = {TIDELOCK_STATE = folder .. "/state"}
    for name, value in pairs(server.env) do env[name] = value end
    return assert(proc.run(program.command(env, ...)))
  end

  it("leaves what is gone, and what another playbook owns, as they are", function()
    assert.equal(0, tidelock("apply", folder .. "/two.lua", "--yes").code)
    session.sqs:delete_queue {QueueUrl = session.sqs:get_queue_url {QueueName = "gone"}.QueueUrl}
    local theirs = session.sqs:get_queue_url {QueueName = "theirs"}.QueueUrl
    session.sqs:tag_queue {QueueUrl = theirs, Tags = {["tidelock:playbook"] = "spec/other"}}
    session.sqs:set_queue_attributes {QueueUrl = theirs, Attributes = {VisibilityTimeout = "50"}}
    local out = tidelock("destroy", folder .. "/two.lua", "--confirm", "spec/two")
    assert.equal(0, out.code, out.stderr)
    assert.matches("Applied: 0 created, 0 updated, 0 replaced, 1 deleted", out.stdout)
    assert.same({theirs}, session.sqs:list_queues {}.QueueUrls)
    assert.equal("50", session.sqs:get_queue_attributes {QueueUrl = theirs, AttributeNames = {"All"}}.Attributes
      .VisibilityTimeout)
  end)
  it("says what to type in place of --yes, which confirms an apply and no deletion", function()
    local path = folder .. "/yes.lua"
    local file <close> = assert(io.open(path, "w"))
    file:write 'playbook {name = "spec/yes"}\nensure.sqs.queue {name = "stays"}\n'
    file:close()
    assert.equal(0, tidelock("apply", path, "--yes").code)
    for _, yes in ipairs {"--yes", "-y"} do
      local out = tidelock("destroy", path, yes)
      assert.equal(64, out.code)
      assert.equal("tidelock: --yes does not confirm a deletion: its playbook's name does, as --confirm spec/yes in"
        .. " place of --yes. Nothing was changed.\n", out.stderr)
    end
    assert.is_string(session.sqs:get_queue_url {QueueName = "stays"}.QueueUrl)
    local out = tidelock("destroy", path, "--confirm", "spec/yes", "--yes")    -- with the name it does no harm
    assert.equal(0, out.code, out.stderr)
    assert.matches("1 deleted", out.stdout)
  end)
  it("tells of --confirm alone in its help, and takes no --yes for a misspelt option", function()
    local help = tidelock("destroy", "--help").stdout
    assert.matches("--confirm NAME", help, 1, true)
    assert.is_nil(help:find("--yes", 1, true))
    assert.equal("tidelock destroy: destroy has no option --yess. See: tidelock help destroy\n",
      tidelock("destroy", folder .. "/two.lua", "--yess").stderr)
  end)
  it("is gone on with by itself: a resume would make again what it has deleted", function()
    local path, bucket = folder .. "/more.lua", "full-" .. server.account
    local file <close> = assert(io.open(path, "w"))
    file:write('playbook {name = "spec/more"}\nensure.sqs.queue {name = "more"}\n',
      ("ensure.s3.bucket {name = %q}\n"):format(bucket))
    file:flush()
    assert.equal(0, tidelock("apply", path, "--yes").code)
    session.s3:put_object {Bucket = bucket, Key = "k", Body = "b"}        -- so that S3 refuses to delete it
    local out = tidelock("destroy", path, "--confirm", "spec/more")
    assert.equal(1, out.code)
    assert.matches("go on with: tidelock destroy " .. path, out.stderr, 1, true)
    out = tidelock("resume", "last")
    assert.equal(64, out.code)
    assert.matches("is not resumed. Go on with: tidelock destroy " .. path, out.stderr, 1, true)
    assert.is_nil(table.concat(session.sqs:list_queues {}.QueueUrls, " "):match "/more")
    session.s3:delete_object {Bucket = bucket, Key = "k"}
    assert.equal(0, tidelock("destroy", path, "--confirm", "spec/more").code)
  end)
end)
