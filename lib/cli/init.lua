--- The command line: finds the command, parses its options, runs it, and turns what went wrong into a sentence
-- and an exit code. A command is a file beside this one; only the one that runs is loaded.
local options = require "cli.options"
local suggest = require "suggest"

local cli = {}

-- In the order of help. Each is lib/cli/NAME.lua.
cli.COMMANDS = {"run", "plan", "apply", "destroy", "drift", "adopt", "resume", "runs", "graph", "call", "repl",
  "doctor", "sandbox", "limit", "worker", "lambda", "schedule", "check", "costs", "help", "completion", "version"}

local function loadable(name)
  return package.preload["cli." .. name] ~= nil or package.searchpath("cli." .. name, package.path) ~= nil
    or pcall(require, "cli." .. name)
end

--- The command of that name, or nil.
function cli.command(name)
  for _, known in ipairs(cli.COMMANDS) do
    if known == name then
      local ok, command = pcall(require, "cli." .. name)
      if ok then return command end
      if tostring(command):find("module 'cli." .. name .. "' not found", 1, true) then return nil end
      error(command, 0)
    end
  end
end

--- The commands that this build has: names.
function cli.names()
  local out = {}
  for _, name in ipairs(cli.COMMANDS) do
    if loadable(name) then out[#out + 1] = name end
  end
  return out
end

local function tell(streams, text)
  streams.err:write(require "visible".text(text), text:sub(-1) == "\n" and "" or "\n")
end

-- What was raised, as a text for people and an exit code.
local function describe(err, name, debugging)
  local kind = type(err)
  if kind == "table" and rawget(err, "usage") then
    local message = err.message:gsub("[.]$", "")
    if not message:find "[?!]$" then message = message .. "." end
    return ("tidelock %s: %s See: tidelock help%s"):format(name, message, name == "help" and "" or " " .. name), 64
  end
  if kind == "table" and err.exit then
    local text = tostring(err)
    if err.message and not getmetatable(err) then text = err.message end
    return err.faults and err.code == "BadPlaybook" and text or ("tidelock: " .. text), err.exit
  end
  if kind == "table" and err.code and err.message then return "tidelock: " .. err.message, 1 end
  local text = tostring(err)
  if not debugging then text = text:gsub("\nstack traceback:.*$", "") end
  return "tidelock: internal error, please report it (with --debug): " .. text, 70
end

local function handler(err)
  if type(err) == "table" or type(err) == "userdata" then return err end
  return debug.traceback(tostring(err), 2)
end

-- Words before the command are options for all commands: `tidelock --region eu-west-1 plan x.lua`.
local function split(words)
  local before, i = {}, 1
  local takes = {}
  for _, option in ipairs(options.GLOBAL) do takes["--" .. option.name] = option.value ~= nil end
  while i <= #words and words[i]:sub(1, 1) == "-" do
    before[#before + 1] = words[i]
    if takes[words[i]] and words[i + 1] then
      i = i + 1
      before[#before + 1] = words[i]
    end
    i = i + 1
  end
  local name = words[i]
  local rest = table.move(words, i + 1, #words, #before + 1, before)
  return name, rest
end

-- Words that users of the aws CLI and of terraform try first.
local FOREIGN <const> = {
  aws = "the aws CLI's lines follow call: tidelock call sqs list-queues",
  configure = "profiles are the aws CLI's own, in ~/.aws/config; what is found there says: tidelock doctor",
  login = "sign in with aws sso login or with keys; whose they are says: tidelock doctor",
  sso = "sign in with aws sso login; whose credentials are found says: tidelock doctor",
  console = "lines are tried in: tidelock repl", shell = "lines are tried in: tidelock repl",
  init = "nothing is to be prepared; begin with: tidelock plan FILE.lua",
  validate = "every fault of a playbook is told by: tidelock plan FILE.lua",
  show = "what was done says: tidelock runs RUN", history = "what was done says: tidelock runs",
  state = "the account itself is the state; what differs says: tidelock drift FILE.lua",
  refresh = "the account is read anew each time; what differs says: tidelock drift FILE.lua",
  import = "what is there is written as a playbook by: tidelock adopt --out FOLDER",
  scan = "controls are looked at by: tidelock check",
}

-- What somebody may have meant who typed a word that is no command.
local function meant(name)
  if FOREIGN[name] then return "; " .. FOREIGN[name] .. "." end
  local file = "playbooks/" .. name .. ".lua"
  if require "playbook.textfile".is_there(file) then return ("; it is a playbook: tidelock plan %s"):format(file) end
  local ok, model = pcall(function() return require "tidelock.models".service(name == "s3api" and "s3" or name) end)
  if ok and model then return ("; it is an AWS service: tidelock call %s OPERATION."):format(name) end
  return ""
end

local function unknown_command(streams, name)
  local phrase = meant(name)
  if phrase == "" then phrase = suggest.phrase(name, cli.names()) end
  tell(streams, ("tidelock: there is no command %q%s The commands are listed by: tidelock help"):format(name,
    phrase == "" and "." or phrase))
  return 64
end

-- What a command cannot do with its words is said, not left out.
local function refuse_extra(command, args)
  if command.words and #args > command.words then
    options.usage(("%q is a word too many"):format(args[command.words + 1]))
  end
  local outputs = command.outputs
  if not (outputs and args.output) or args.output == "text" then return end
  for _, name in ipairs(outputs) do
    if name == args.output then return end
  end
  options.usage(("it has no --output %s%s"):format(args.output, command.instead and "; " .. command.instead
    or #outputs > 0 and ", but text and " .. table.concat(outputs, " and ") or ", only text"))
end

-- --query selects from JSON; commands that print some say so. A faulty expression is told before anything is sent.
local function check_query(command, args)
  if not args.query then return end
  if not command.queries then
    options.usage "it takes no --query: call does, runs, and what plans or applies a playbook"
  end
  if args.output ~= "json" then options.usage "--query selects from JSON: add --output json" end
  local compiled, err = require "aws.jmespath".compile(args.query)
  if not compiled then options.usage(("--query %q: %s"):format(args.query, err.message)) end
end

local function run_command(command, words, streams)
  local context = require "cli.context"
  local args
  if command.own then
    args = {words = words}
  else
    args = options.parse(words, {command.options or {}, options.GLOBAL}, command.name,
      command.rest ~= nil)
  end
  if args.help then
    return require "cli.help".run({command.name}, context.new(args, streams))
  end
  if not command.own then
    refuse_extra(command, args)
    check_query(command, args)
  end
  return command.run(args, context.new(args, streams))
end

local function has(words, what)
  for _, word in ipairs(words) do
    if word == what then return true end
    if word == "--" then return false end
  end
  return false
end

--- Runs a command line. `args` is a list of words; `streams` {out=, err=, input=} are the process's own unless given.
-- @return the exit code
function cli.main(args, streams)
  streams = streams or {}
  streams = {out = streams.out or io.stdout, err = streams.err or io.stderr, input = streams.input or io.stdin}
  local name, words = split(table.move(args, 1, #args, 1, {}))
  if name == nil and #words == 0 and (os.getenv "AWS_LAMBDA_RUNTIME_API" or "") ~= "" then
    name = "lambda"                        -- Lambda starts its bootstrap without a word
  elseif name == nil then
    name = has(words, "--version") and "version" or "help"
    if #words == 0 then
      require "cli.help".run({}, require "cli.context".new({}, streams))
      return 64
    end
    words = {}
  elseif name:find "%.lua$" then
    table.insert(words, 1, name)
    name = "run"
  end
  local ok, command = xpcall(cli.command, handler, name)
  if ok and not command then return unknown_command(streams, name) end
  local code
  if ok then
    ok, code = xpcall(run_command, handler, command, words, streams)
  else
    code = command
  end
  if ok then return code or 0 end
  local text, exit = describe(code, name, has(words, "--debug"))
  streams.out:flush()
  tell(streams, text)
  return exit
end

return cli
