-- servicehelp_spec.lua -- tidelock help SERVICE [OPERATION], as the program prints it.
local fs = require "tidelock.fs"
local proc = require "tidelock.proc"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local TIDELOCK <const> = HERE .. "/tidelock"

local function help(...)
  return assert(proc.run {TIDELOCK, "help", ...})
end

-- The program without its documentation: a link of its own in an empty folder.
local function bare(body)
  local folder = assert(fs.tempdir "tidelock-help")
  assert(proc.run {"cp", TIDELOCK, folder .. "/tidelock"})
  local ok, err = pcall(body, folder)
  proc.run {"rm", "-rf", folder}
  if not ok then error(err, 0) end
end

describe("tidelock help of AWS", function()
  it("lists a service's operations as they are called, under its text", function()
    local out = help "sqs"
    assert.equal(0, out.code)
    assert.matches("Amazon Simple Queue Service", out.stdout)
    assert.matches("OPERATIONS.*create%-queue.*send%-message%-batch", out.stdout)
    assert.matches("highly%-scalable hosted queue", out.stdout)
  end)

  it("tells an operation's synopsis, input with types, texts and values, output and errors", function()
    local out = help("sqs", "create-queue").stdout
    assert.matches("tidelock call sqs create%-queue %-%-queue%-name VALUE", out)
    assert.matches("%[%-%-attributes VALUE%]", out)
    assert.matches("%-%-queue%-name  %(string, required%)\n      The name of the new queue", out)
    assert.matches("%-%-attributes  %(map of string to string%)", out)
    assert.matches("Keys: All, Policy, VisibilityTimeout", out)
    assert.matches("OUTPUT\n\n  QueueUrl  %(string%)\n      The URL of the created", out)
    assert.matches("ERRORS\n.*QueueDeletedRecently", out)
    assert.is_nil(out:find("IN SHORT", 1, true))
  end)

  it("names what may have been meant: a page of the help, a command, a service", function()
    for word, meant in pairs {playbok = "playbook", typs = "types", aply = "apply", dynamodbb = "dynamodb"} do
      assert.matches(("did you mean %q?"):format(meant), help(word).stderr, 1, true)
    end
  end)

  it("names the options that the aws CLI has beside the members, and those it has under another name", function()
    local out = help("ec2", "authorize-security-group-ingress").stdout
    assert.matches("IN SHORT\n.*%-%-cidr.*%-%-port.*%-%-protocol", out)
    out = help("eks", "update-cluster-version").stdout
    assert.matches("%-%-kubernetes%-version VALUE", out)
    assert.is_nil(out:find("--version VALUE", 1, true))
  end)

  it("shows the members of structures, and a structure inside itself once", function()
    local out = help("dynamodb", "put-item").stdout
    assert.matches("%(as above: AttributeValue%)", out)
    assert.matches("\n          M  %(map of string to structure", out)
  end)

  it("takes the operation in any spelling", function()
    local expected = help("sqs", "create-queue").stdout
    assert.equal(expected, help("sqs", "CreateQueue").stdout)
    assert.equal(expected, help("sqs", "create_queue").stdout)
  end)

  it("asks whether another name was meant, and exits 64", function()
    local service, operation = help "sqz", help("sqs", "creat-queue")
    assert.matches('no command, resource type or AWS service "sqz"; did you mean "sqs"%?', service.stderr)
    assert.matches('sqs has no operation "creat%-queue"; did you mean "create%-queue"%?', operation.stderr)
    assert.same({64, 64}, {service.code, operation.code})
  end)

  it("serves from the models alone where the texts are missing, and says where they would be", function()
    bare(function(folder)
      local out = assert(proc.run {folder .. "/tidelock", "help", "sqs", "create-queue"})
      assert.equal(0, out.code)
      assert.matches("The texts are not here: they would be in " .. folder:gsub("%p", "%%%0") .. "/models.docs",
        (out.stdout:gsub("\n", " ")))
      assert.matches("%-%-queue%-name  %(string, required%)", out.stdout)
      assert.not_matches("The name of the new queue", out.stdout)
    end)
  end)

  it("is set to 80 columns where there is no terminal", function()
    for line in help("sqs", "create-queue").stdout:gmatch "[^\n]+" do
      assert.is_true(utf8.len(line) <= 84, line)
    end
  end)
end)
