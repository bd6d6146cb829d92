--- What the lines of a REPL see: aws, task, json and a few words for people, over the standard library.
local manual = require "repl.manual"
local pager = require "repl.pager"
local value = require "repl.value"

local world = {}

local ABOUT <const> = [[
A line is Lua; an expression prints its value, which _ keeps. Any AWS call just works:

  aws.sqs:list_queues{}                      any service, any operation, members named as in the API
  for b in aws.s3:items("list_buckets", {}) do print(b.Name) end
  aws.dynamodb:wait("table_exists", {TableName = "t"}, {timeout = "5m"})
  aws:client("ec2", {region = "us-east-1"})  another region

  help(aws.sqs)  help "sqs"                  a service, its operations
  help(aws.sqs.create_queue)                 an operation, its members; so does help "sqs create-queue"
  show(_)                                    all of a value that was cut
  json.encode(_, {indent = 2})               as JSON
  task.map(list, fn), task.sleep(seconds)    many at a time; task.spawn goes on in the background
  secret.reveal(_)                           what a <secret> holds

TAB completes services, operations, members and values. Ctrl-C stops what runs. A variable made with
`local` lives for its own line only. Lines that begin with a blank, or hold a secret, are not kept in
the history. :quit or Ctrl-D ends.]]

-- The decoder, noting the shapes of all that it returns.
local function noting(codec)
  return {encode = codec.encode, decode = function(op, response)
    local output, fault = codec.decode(op, response)
    if type(output) == "table" and op.output then value.note(op.service, op.output, output) end
    return output, fault
  end}
end

-- The service and operation that `fn`, a method of a client of this session, calls.
local function behind(session, fn)
  for name, client in pairs(rawget(session, "clients")) do
    for key, method in pairs(client) do
      if method == fn then return name, key end
    end
  end
end

local function service_of_client(client)
  local ok, inner = pcall(function() return client:inner() end)
  return ok and type(inner) == "table" and inner.name or nil
end

local function help_on(session, topic)
  if type(topic) == "string" then return topic:match "^%s*(%S+)[%s.:]*(%S*)%s*$" end
  if type(topic) == "function" then return behind(session, topic) end
  if type(topic) == "table" then return service_of_client(topic) end
end

--- The lines of `help(topic)`, or nil and a sentence.
function world.help(session, topic, models, width)
  if topic == nil then
    local out = {}
    for line in (ABOUT .. "\n"):gmatch "(.-)\n" do out[#out + 1] = line end
    return out
  end
  local service, name = help_on(session, topic)
  if not service then
    return nil, 'help knows services and operations: help(aws.sqs), help(aws.sqs.create_queue), help "sqs create-queue"'
  end
  service = service:gsub("_", "-")
  local model, why = manual.service_of(models, service)
  if not model then return nil, why end
  local docs, note = manual.docs()
  local texts = docs and docs:service(service)
  if not name or name == "" then return manual.service(service, model, texts, width, note) end
  local op
  op, why = manual.operation_of(model, service, name)
  if not op then return nil, why end
  return manual.operation(service, op, texts, manual.lua(service, op), width, note)
end

--- The environment. `options` are those of aws.session; `console` prints: console.write(text), console.page(lines).
function world.new(options, console)
  local codec = require "tidelock.codec"
  local own = {}
  for k, v in pairs(options) do own[k] = v end
  own.codec = noting(codec)
  local session = require "aws".session(own)
  local env = {aws = session, task = require "task", json = require "tidelock.json", secret = require "tidelock.secret"}
  function env.print(...)
    local words = table.pack(...)
    for i = 1, words.n do
      local word = words[i]
      words[i] = type(word) == "table" and not (getmetatable(word) or {}).__tostring
        and value.text(word, {width = pager.width()}) or tostring(word)
    end
    console.write(table.concat(words, "\t") .. "\n")
  end
  function env.show(v)
    local lines = {}
    for line in (value.text(v, {full = true, width = pager.width()}) .. "\n"):gmatch "(.-)\n" do
      lines[#lines + 1] = line
    end
    console.page(lines)
  end
  function env.help(topic)
    local lines, why = world.help(session, topic, require "tidelock.models", pager.width())
    if not lines then error({code = "Usage", message = why, exit = 64}, 0) end
    console.page(lines)
  end
  return setmetatable(env, {__index = _G}), session
end

return world
