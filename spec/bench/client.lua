-- client.lua -- the AWS client beside boto3 and the aws CLI, on this machine, against a server that answers at once.
-- Peers run side by side in one run; the last column says what the issue asks for.
local proc = require "tidelock.proc"
local server = require "support.server"
local shot = require "bench.parts.shot"

local QUICK <const> = os.getenv "BENCH_QUICK" == "1"
local HERE <const> = shot.here()
local TIDELOCK <const>, TIDELUA <const> = HERE .. "/tidelock", HERE .. "/tidelua"
local measure <const>, row <const> = shot.measure, shot.row

local ONE <const> = {
  {"sqs", "list-queues"}, {"ec2", "describe-regions"}, {"s3", "list-buckets"},
  {"dynamodb", "put-item", "--table-name", "t", "--item", '{"pk":{"S":"a"}}'},
}

local function one_shot(env)
  for _, words in ipairs(ONE) do
    local ours = measure(env, 31, TIDELOCK, "call", table.unpack(words))
    local theirs = measure(env, 7, server.PYTHON, "spec/bench/parts/one.py", words[1], (words[2]:gsub("-", "_")))
    local name = "one shot " .. words[1] .. " " .. words[2]
    row(name, "ms CPU", ours.cpu, theirs.cpu, 4)
    row("", "MB", ours.memory, theirs.memory, 8)
  end
end

-- The aws CLI is no package of the build: where there is one (AWS_CLI, or on the PATH) it stands beside, else that it
-- does not is said.
local function beside_cli(env)
  local found = proc.run {"sh", "-c", 'command -v "${AWS_CLI:-aws}" && "${AWS_CLI:-aws}" --version', env = env}
  local path, version = (found and found.stdout or ""):match "^(%S+)\naws%-cli/(%d+%.%d+)"
  if not path then
    print "The aws CLI is not here: name one by AWS_CLI (pip install awscli) to see what it takes."
    return
  end
  shot.head("aws " .. version)
  for _, words in ipairs(ONE) do
    local ours = measure(env, 31, TIDELOCK, "call", table.unpack(words))
    local same = table.move(words, 2, #words, 2, {words[1] == "s3" and "s3api" or words[1]})
    table.move({"--endpoint-url", env.AWS_ENDPOINT_URL, "--output", "json"}, 1, 4, #same + 1, same)
    local theirs = measure(env, 5, path, table.unpack(same))
    row("one shot " .. words[1] .. " " .. words[2], "ms CPU", ours.cpu, theirs.cpu, math.floor(theirs.cpu) / 100)
    row("", "MB", ours.memory, theirs.memory)
  end
end

-- The cost of starting is taken away: the same program with no call in it.
local function a_call(env, runs, count, ...)
  local words = {...}
  local full = measure(env, runs, table.unpack(words))
  words[#words - 1] = 0
  local empty = measure(env, runs, table.unpack(words))
  return (full.cpu - empty.cpu) * 1000 / count, full.memory
end

local function many(env, count, flight, limit)
  local ours, memory = a_call(env, 5, count, TIDELUA, "spec/bench/parts/many.lua", count, flight)
  local theirs, their_memory = a_call(env, 3, count, server.PYTHON, "spec/bench/parts/many.py", count, flight)
  row(("%d calls, %d in flight"):format(count, flight), "us CPU", ours, theirs, limit)
  row("", "MB", memory, their_memory, 16)
end

local function join(...)
  local all = {}
  for _, words in ipairs {...} do table.move(words, 1, #words, #all + 1, all) end
  return all
end

local function serve(pin)
  local stub, port = server.start(join(pin, {shot.compile "stub"}), "^(%d+)\n")
  return stub, shot.environment("http://127.0.0.1:" .. port)
end

local CURL <const> = {"curl", "-sS", "-o", "/dev/null", "--user", "AKIAIOSFODNN7EXAMPLE:bench", "--aws-sigv4",
  "aws:amz:eu-west-1:sqs", "-H", "content-type: application/x-amz-json-1.0", "-d", "{}"}

-- What curl takes for a call: it signs, and reads nothing of the answer.
local function by_curl(env, count, pin)
  local function total(n)
    local words = join(pin, CURL, {("%s/?n=[1-%d]"):format(env.AWS_ENDPOINT_URL, n)})
    return measure(env, 5, table.unpack(words)).cpu
  end
  return (total(count) - total(1)) * 1000 / (count - 1)
end

-- One at a time, each call wakes an idle server and then an idle client. Across cores that is most of a call, and is
-- what the machine makes of it: how much is ours shows beside curl, and where client and server share a core.
local function in_sequence(count)
  if not proc.run {"curl", "--version", stdout = "null", stderr = "null"} then
    print "not beside curl: there is none on this machine"
    return
  end
  shot.head "curl"
  for _, place in ipairs {{"one core", {"taskset", "-c", "0"}}, {"any core", {}}} do
    local where, pin = table.unpack(place)
    local stub <close>, env = serve(pin)
    assert(stub)
    local ours = a_call(env, 5, count, table.unpack(join(pin, {TIDELUA, "spec/bench/parts/many.lua", count, 1})))
    row(("%d calls, 1 in flight, %s"):format(count, where), "us CPU", ours, by_curl(env, count, pin))
  end
end

shot.compile "measure"
local stub <close>, env = serve {}
assert(stub)
shot.head()
one_shot(env)
beside_cli(env)
many(env, QUICK and 500 or 2000, 1, 60)
many(env, QUICK and 500 or 5000, 32, 60)
in_sequence(QUICK and 500 or 2000)
return shot.failed and 1 or 0
