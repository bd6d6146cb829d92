-- The package of make lambda-zip: the same bytes for the same files, and a bootstrap that Lambda starts without a word.
local http = require "tidelock.http"
local json = require "tidelock.json"
local proc = require "tidelock.proc"
local room = require "dist.room"
local support = require "support.server"

local ZIP <const> = "build/dist/lambda.zip"

describe("the Lambda package", function()
  local lacks <const> = room.lacks()
  local function fact(name, fn)
    if lacks then pending(name .. " (" .. lacks .. ")", fn) else it(name, fn) end
  end

  local function sum(path) return assert(proc.run {"sha256sum", path}).stdout:match "^%x+" end

  fact("is the same for the same files", function()
    local folder = support.folder()
    local sums = {}
    for i, name in ipairs {"/one.zip", "/two.zip"} do
      local out = assert(proc.run {"python3", "host/dist/lambda-zip", room.PROGRAM, folder .. name})
      assert.equal(0, out.code, out.stderr)
      sums[i] = sum(folder .. name)
    end
    support.remove(folder)
    assert.equal(sums[1], sums[2])
  end)

  fact("is within what Lambda takes", function()
    local out = assert(proc.run {"unzip", "-Zt", ZIP}).stdout
    local whole, packed = out:match "(%d+) bytes uncompressed, (%d+) bytes compressed"
    assert.is_true(tonumber(packed) < 50e6 and tonumber(whole) < 250e6, out)
  end)

  fact("has a bootstrap that speaks to the runtime API, and tells what is wrong with its playbook", function()
    local folder = support.folder()
    assert.equal(0, assert(proc.run {"unzip", "-q", ZIP, "-d", folder}).code)
    local api = assert(proc.spawn {support.PYTHON, "spec/limiter/runtime.py", stdin = "pipe", stdout = "pipe"})
    assert(api:write "[]\n")
    local port = assert(api:read()):match "^(%d+)"
    local out = assert(proc.run {folder .. "/bootstrap", cwd = folder, env = {
      AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port, _HANDLER = "playbooks/workers/rate-limiter",
      LAMBDA_TASK_ROOT = folder, AWS_REGION = "eu-west-1"}})
    local answer = assert(http.send({method = "GET", scheme = "http", host = "127.0.0.1:" .. port, path = "/results",
      query = "", headers = {}}, {timeout = 5}))
    api:close()
    support.remove(folder)
    local told = json.decode(answer.body)[1]
    assert.matches("init/error$", told[1])
    assert.matches("var redis has no default", json.decode(told[3]).errorMessage)
    assert.not_equal(0, out.code)
  end)
end)
