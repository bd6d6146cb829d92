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
local function beside_cli(env, url)
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
    table.move({"--endpoint-url", url, "--output", "json"}, 1, 4, #same + 1, same)
    local theirs = measure(env, 5, path, table.unpack(same))
    row("one shot " .. words[1] .. " " .. words[2], "ms CPU", ours.cpu, theirs.cpu, math.floor(theirs.cpu) / 100)
    row("", "MB", ours.memory, theirs.memory)
  end
end

-- The cost of starting is taken away: the same program with no call in it.
local function many(env, count, flight, limit)
  local function each(runs, ...)
    local words = {...}
    local full = measure(env, runs, table.unpack(words))
    words[#words - 1] = 0
    local empty = measure(env, runs, table.unpack(words))
    return (full.cpu - empty.cpu) * 1000 / count, full.memory
  end
  local ours, memory = each(5, TIDELUA, "spec/bench/parts/many.lua", count, flight)
  local theirs, their_memory = each(3, server.PYTHON, "spec/bench/parts/many.py", count, flight)
  row(("%d calls, %d in flight"):format(count, flight), "us CPU", ours, theirs, limit)
  row("", "MB", memory, their_memory, 16)
  return ours
end

-- One at a time the kernel's waking of two idle processes is most of a call, and differs from machine to machine: what
-- curl takes for it, which signs and reads nothing, tells how much of it is ours.
local function beside_curl(env, count, ours)
  local function total(n)
    return measure(env, 5, "curl", "-sS", "-o", "/dev/null", "--user", "AKIAIOSFODNN7EXAMPLE:bench", "--aws-sigv4",
      "aws:amz:eu-west-1:sqs", "-H", "content-type: application/x-amz-json-1.0", "-d", "{}",
      ("%s/?n=[1-%d]"):format(env.AWS_ENDPOINT_URL, n)).cpu
  end
  if not proc.run {"curl", "--version", stdout = "null", stderr = "null"} then
    print "not beside curl: there is none on this machine"
    return
  end
  shot.head "curl"
  row(("%d calls, 1 in flight"):format(count), "us CPU", ours, (total(count) - total(1)) * 1000 / (count - 1))
end

shot.compile "measure"
local stub, port = server.start({shot.compile "stub"}, "^(%d+)\n")
local _ <close> = stub
local url = "http://127.0.0.1:" .. port
local env = shot.environment(url)
shot.head()
one_shot(env)
beside_cli(env, url)
local alone = many(env, QUICK and 500 or 2000, 1, 60)
many(env, QUICK and 500 or 5000, 32, 60)
beside_curl(env, QUICK and 500 or 2000, alone)
return 0
