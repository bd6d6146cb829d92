-- docs_spec.lua -- reading documentation a service at a time.
local container = require "pack.container"
local docs = require "docs"

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(bytes))
end

describe("docs", function()
  local path
  local bytes = container.assemble("1.2.3", {
    {name = "moon", bytes = '{"about":"Moons.","operations":{"Look":"Looks."}}'}, {name = "sun", bytes = "{}"},
  }, {}, "", 3)
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("gives what the pack holds of a service, read once", function()
    write(path, bytes)
    local pack = assert(docs.open(path))
    local moon = pack:service "moon"
    assert.same({about = "Moons.", operations = {Look = "Looks."}}, moon)
    assert.equal(moon, pack:service "moon")
    assert.same({}, pack:service "sun")
    local none, err = pack:service "mars"
    assert.is_nil(none)
    assert.equal("unknown_service", err.code)
  end)

  it("says that there is no file", function()
    local pack, err = docs.open(path .. "-not")
    assert.is_nil(pack)
    assert.equal("missing", err.code)
    assert.matches("No such file", err.message)
  end)

  it("refuses a file cut short anywhere", function()
    for n = 0, #bytes - 1 do
      write(path, bytes:sub(1, n))
      local pack, err = docs.open(path)
      assert.is_nil(pack, n)
      assert.equal("damaged", err.code)
    end
  end)

  it("says that a frame is damaged", function()
    write(path, bytes:sub(1, 44) .. "\255\255\255\255" .. bytes:sub(49))
    local value, err = assert(docs.open(path)):service "moon"
    assert.is_nil(value)
    assert.equal("damaged", err.code)
  end)
end)
