local account = require "adopt.account"
local load_account = require "playbook.account".load

describe("adopt.account", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  -- The file for queues of these names, as it is loaded again.
  local function written(...)
    local items = {}
    for i, name in ipairs {...} do items[i] = {live = {name = name}, type = {type = "sqs.queue"}} end
    local text = account.text(items, {id = "123456789012", region = "eu-west-1"}, "2026-11-25")
    assert(require "tidelock.fs".write(path, text))
    return load_account(path)
  end

  it("writes a file that is taken, whatever the names in the account begin with", function()
    assert.equal("moon", written("moon-a", "moon-b", "moon-c").prefix)
    assert.equal("moon", written("Moon-a", "Moon-b", "Moon-c").prefix)
    local long = ("m"):rep(30)
    assert.equal("main", written(long .. "-a", long .. "-b", long .. "-c").prefix)
    assert.equal("main", written("a", "b").prefix)
  end)
end)
