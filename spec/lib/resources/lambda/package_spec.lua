-- A function's package: a zip that others can read, the same bytes for the same files, programs that Lambda can run.
local elf = require "support.elf"
local fs = require "tidelock.fs"
local package_of = require "resources.lambda.package"
local proc = require "tidelock.proc"
local server = require "support.server"

describe("a function's package", function()
  local folder <const> = fs.tempdir "package"
  local program <const> = elf.write(folder .. "/program", {more = ("x"):rep(100000)})
  teardown(function() os.execute("rm -rf '" .. folder .. "'") end)

  it("is a zip that python reads: names in order, contents, modes, no time of day", function()
    local zip, sha256 = package_of.build {["b/c.lua"] = {text = "return 2"}, bootstrap = program,
      ["a.lua"] = {text = ""}}
    local file <close> = assert(io.open(folder .. "/p.zip", "wb"))
    file:write(zip)
    file:close()
    local said = assert(proc.run {server.PYTHON, "-c", [[
import base64, hashlib, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist():
    print(i.filename, oct(i.external_attr >> 16), i.file_size, i.date_time[0], len(z.read(i)))
print(base64.b64encode(hashlib.sha256(open(sys.argv[1], "rb").read()).digest()).decode())]], folder .. "/p.zip"})
    assert.equal(("a.lua 0o100644 0 1980 0\nb/c.lua 0o100644 8 1980 8\nbootstrap 0o100755 100120 1980 100120\n%s\n")
      :format(sha256), said.stdout)
  end)
  it("is the same bytes for the same files, and others for others", function()
    local files = {bootstrap = "x", a = "1"}
    assert.equal(package_of.zip(files), package_of.zip {a = "1", bootstrap = "x"})
    assert.not_equal(package_of.zip(files), package_of.zip {a = "2", bootstrap = "x"})
  end)
  it("is refused whole where its program is none that Lambda can start, with what to do", function()
    elf.write(folder .. "/dynamic", {interpreter = true})
    local function faults(bootstrap, architecture)
      return table.concat(package_of.faults({bootstrap = bootstrap}, architecture), "\n")
    end
    assert.equal("", faults(program, "x86_64"))
    assert.matches("needs this system's libraries.*make dist", faults(folder .. "/dynamic"))
    assert.matches("is a program for x86_64, and the function is for arm64", faults(program, "arm64"))
    assert.matches("there is no file .*/nothing", faults(folder .. "/nothing"))
    assert.matches("is no program", faults "README.md")
    -- this interpreter itself: linked as the static program is, it needs none
    assert.matches(os.getenv "TIDELOCK_DIST" and "^$" or "needs this system's libraries", faults "self")
    elf.write(folder .. "/arm", {machine = 183})
    assert.equal("", faults(folder .. "/arm", "arm64"))
  end)
  it("names every fault at once", function()
    assert.same({'Package has no bootstrap: the program that Lambda starts',
      'Package: ../x is no name of a file in a package', 'Package: y cannot be read: there is no file nowhere',
      'Package: z must be a path, "self", or {text = "..."} that is known before apply'},
      package_of.faults {["../x"] = {text = ""}, y = "nowhere", z = {}})
  end)
  it("is refused where it is more than one request may carry", function()
    package_of.MOST = 1000
    local ok, err = pcall(package_of.build, {bootstrap = {text = require "tidelock.digest".random(1000)}})
    package_of.MOST = 52428800
    assert.is_false(ok)
    assert.matches("has %d+ bytes; Lambda takes 1000 at most", err.message)
  end)
end)
