-- fs_spec.lua -- files that must survive a kill.
local fs = require "tidelock.fs"
local sweep = require "support.sweep"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

describe("tidelock.fs", function()
  local dir
  before_each(function() dir = assert(fs.tempdir "fs-spec") end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("appends lines that are on the disk when write returns, for the owner alone", function()
    local file <close> = assert(fs.append(dir .. "/journal"))
    assert.is_true(file:write "one\n")
    assert.is_true(file:write "two\0\n")
    assert.equal("one\ntwo\0\n", slurp(dir .. "/journal"))
    assert.equal(384, fs.stat(dir .. "/journal").mode)   -- 0600
  end)

  it("says when the disk is full", function()
    local file <close> = assert(fs.append "/dev/full")
    local ok, err = file:write "x"
    assert.is_nil(ok)
    assert.equal("full", err.code)
    assert.matches("No space left", err.message)
  end)

  it("writes a file whole or not at all", function()
    local path = dir .. "/plan.json"
    assert.is_true(fs.write(path, "first"))
    assert.is_true(fs.write(path, "second"))
    assert.equal("second", slurp(path))
    assert.same({"plan.json"}, fs.list(dir))
    local ok, err = fs.write(dir .. "/missing/x", "y")
    assert.is_nil(ok)
    assert.equal("missing", err.code)
  end)

  it("makes folders with their parents, and refuses a file in the way", function()
    assert.is_true(fs.mkdir(dir .. "/a/b/c"))
    assert.is_true(fs.mkdir(dir .. "/a/b/c"))
    assert.equal("folder", fs.stat(dir .. "/a/b/c").type)
    fs.write(dir .. "/file", "")
    local ok, err = fs.mkdir(dir .. "/file")
    assert.is_nil(ok)
    assert.matches("Not a directory", err.message)
  end)

  it("lets one holder lock a file, and the next when the first is closed", function()
    local first = assert(fs.lock(dir .. "/lock"))
    local second, err = fs.lock(dir .. "/lock")
    assert.is_nil(second)
    assert.equal("locked", err.code)
    first:close()
    local third <close> = assert(fs.lock(dir .. "/lock"))
    assert.is_userdata(third)
  end)

  it("refuses a path with a NUL or none at all", function()
    assert.has_error(function() fs.stat "a\0b" end)
    assert.has_error(function() fs.stat "" end)
  end)

  it("reports what is missing as missing", function()
    assert.equal("missing", select(2, fs.stat(dir .. "/none")).code)
    assert.equal("missing", select(2, fs.list(dir .. "/none")).code)
  end)

  it("lives through every allocation failing", function()
    sweep(function()
      local file <close> = assert(fs.append(dir .. "/s"))
      assert(file:write "x")
      assert(fs.write(dir .. "/t", "y"))
      return #assert(fs.list(dir)) + assert(fs.stat(dir .. "/t")).size
    end)
  end)
  it("knows the number of the user", function()
    local pipe <close> = assert(io.popen "id -u")
    assert.equal(pipe:read "n", fs.uid())
  end)
end)
