-- harden/queues on the unhardened account: every queue refuses plain HTTP, and keeps what its policy said before.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("harden/queues", function()
  local host, names, sqs
  before_each(function()
    host = hardening.start()
    sqs = host.session.sqs
    names = account.build(host, {only = {"queues"}})
  end)
  after_each(function() host:close() end)

  local function policy(name)
    local url = sqs:get_queue_url {QueueName = name}.QueueUrl
    local text = (sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes or {}).Policy or ""
    return text ~= "" and json.decode(text) or {Statement = {}}, url
  end
  local function set(name, document)
    local _, url = policy(name)
    sqs:set_queue_attributes {QueueUrl = url, Attributes = {Policy = json.encode(document)}}
  end
  local function sids(name)
    local out = {}
    for i, s in ipairs(policy(name).Statement) do out[i] = s.Sid end
    return table.concat(out, " ")
  end

  it("closes every queue to plain HTTP, which the control then passes, and makes no write the second time", function()
    assert.equal(2, (host:run("check", "sqs-tls-only")))
    local code, text = host:apply "harden/queues"
    assert.equal(0, code, text)
    for _, name in ipairs(names.queues) do
      local deny = policy(name).Statement[1]
      assert.same({"TlsOnly", "Deny", "sqs:*", ("arn:aws:sqs:us-east-1:%s:%s"):format(host.account, name)},
        {deny.Sid, deny.Effect, deny.Action, deny.Resource})
    end
    assert.equal(0, (host:run("check", "sqs-tls-only", "sqs-not-public")))
    code, text = host:apply "harden/queues"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: .*, 0 writes", text)
  end)
  it("keeps others' statements, and writes none where somebody's own says the same", function()
    set(names.queues[1], {Version = "2012-10-17", Id = "theirs", Statement = {{Sid = "Send", Effect = "Allow",
      Action = "sqs:SendMessage", Principal = {AWS = host.account}, Resource = "*"}}})
    set(names.queues[2], {Version = "2012-10-17", Statement = {{Sid = "NoHttp", Effect = "Deny", Action = {"SQS:*"},
      Principal = {AWS = "*"}, Resource = "*", Condition = {Bool = {["aws:SecureTransport"] = {"false"}}}}}})
    set(names.queues[3], {Version = "2012-10-17", Statement = {{Sid = "Some", Effect = "Deny", Action = "sqs:*",
      Principal = "*", Resource = "*", Condition = {Bool = {["aws:SecureTransport"] = "false"},
      StringEquals = {["aws:PrincipalAccount"] = "210987654321"}}}}})
    assert.equal(0, (host:apply "harden/queues"))
    assert.equal("Some TlsOnly", sids(names.queues[3]))
    assert.equal("Send TlsOnly", sids(names.queues[1]))
    assert.equal("theirs", policy(names.queues[1]).Id)
    assert.equal("NoHttp", sids(names.queues[2]))
  end)
  it("is not taken back by the playbook that made a queue", function()
    assert.equal(0, (host:apply "provision/messaging"))
    assert.equal(0, (host:apply "harden/queues"))
    local code, text = host:apply "provision/messaging"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: .*, 0 writes", text)
    assert.equal("TlsOnly", sids "example-rate-limiter-queue")
  end)
  it("leaves alone what it is told to skip", function()
    assert.equal(0, (host:apply("harden/queues", "--var", "skip=" .. names.queues[3])))
    assert.equal("", sids(names.queues[3]))
    assert.equal("TlsOnly", sids(names.queues[4]))
  end)
end)
