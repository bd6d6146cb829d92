--- What the commands that take a playbook share: their options, loading, and showing a plan.
local options = require "cli.options"
local playbook = require "playbook"

local playing = {}

--- Options of every such command.
playing.OPTIONS = {
  {name = "account", value = "FILE", about = "account file, or its name in playbooks/accounts/"},
  {name = "var", value = "NAME=VALUE", pairs = true, about = "a var of the playbook"},
  {name = "var-file", value = "FILE", about = "a JSON file of vars"},
  {name = "target", value = "ADDRESS", many = true,
    about = "only this resource and what it needs (destroy: what needs it); no steps"},
  {name = "exclude", value = "ADDRESS", many = true, about = "all but this resource"},
  {name = "concurrency", value = "N", number = true, least = 1, about = "requests in flight at once"},
  {name = "max-instructions", value = "N", number = true, least = 1, about = "what the playbook's own code may run"},
  {name = "unsafe", about = "let the playbook use io, os and require"},
}

--- Where runs are kept.
playing.STORE = {name = "store", value = "URL", about = "keep journal and lock in s3://BUCKET/PREFIX and DynamoDB"}

--- A report of the run, for the commands that make one.
playing.REPORT = {name = "report", value = "FILE", many = true,
  about = "also write what was done to FILE: .xml (JUnit), .md or .html"}

local function report_format(path)
  return require "report.story".FORMATS[path:match "%.(%w+)$" or ""]
    or options.usage(("--report %s: the name must end in .xml (JUnit), .md or .html"):format(path))
end

local function open_report(path)
  local file, why = io.open(path, "wb")
  if not file then options.usage("--report cannot be written: " .. why) end
  return {path = path, format = report_format(path), file = file}
end

-- The files of --report, opened before anything is done: {path =, format =, file =}. All that is wrong with them is
-- told at once; where a name is, none is opened, so that no empty file stands for a report.
local function reports(args)
  local out, faults = {}, {}
  for _, make in ipairs {report_format, open_report} do
    for i, path in ipairs(args.report or {}) do out[i] = options.attempt(faults, make, path) end
    options.tell(faults)
  end
  return out
end

--- The store that --store or TIDELOCK_STORE names; the user's own folder without.
function playing.store(args, ctx)
  local url = args.store or os.getenv "TIDELOCK_STORE"
  if not url or url == "" then return require "playbook.store".open() end
  local session = require "aws".session {profile = args.profile, region = args.region or playing.region,
    endpoint_url = args.endpoint_url}
  return require "playbook.s3store".open(url, session, function(text) ctx:say("%s", text) end)
end

--- Options of a command: its own before the shared ones.
function playing.options(own)
  local out = table.move(own, 1, #own, 1, {})
  return table.move(playing.OPTIONS, 1, #playing.OPTIONS, #out + 1, out)
end

--- The one file of a command line.
function playing.file(args, name)
  if args.output == "table" or args.output == "html" then
    options.usage(("a playbook's output is text or json, not %s"):format(args.output))
  end
  if #args == 0 then options.usage(("which playbook? tidelock %s FILE.lua"):format(name)) end
  if #args > 1 then options.usage(("one playbook at a time, not also %s"):format(args[2])) end
  return args[1]
end

--- The vars of --var-file and --var.
function playing.vars(args)
  local out = {}
  if args.var_file then
    local text, why = require "playbook.textfile".read(args.var_file)
    if not text then options.usage("--var-file cannot be read: " .. why) end
    local value, err = require "tidelock.json".decode(text)
    if type(value) ~= "table" then
      options.usage(("--var-file %s is not a JSON object%s"):format(args.var_file, err and ": " .. err.message or ""))
    end
    for name, v in pairs(value) do out[name] = v end
  end
  for name, v in pairs(args.var or {}) do out[name] = v end
  return out
end

-- A foot of live lines, where a person watches on a terminal.
local function display(ctx, args, painter)
  if args.quiet or not ctx:is_watched() then return nil end
  return require "report.live".new(ctx.err, painter, function()
    local columns, lines = require "tidelock.tty".size()
    return columns or 80, lines or 24
  end)
end

-- Who hears of what happens, besides the journal: the terminal, and traces where an endpoint is set.
local function listen(context, loaded, args, ctx, painter)
  local foot, terminal = display(ctx, args, painter), require "report.terminal"
  ctx.foot = foot
  local function show(event)
    if ctx:wants_json() then return end
    local line = terminal.event(event, painter)
    if args.quiet and event.kind == "resource.done" then line = nil end
    if foot then foot:event(event, line) elseif line then ctx.err:write(line, "\n") end
  end
  local listeners = {show}
  context.trace = require "report.otlp".new("playbook " .. loaded.name)
  if context.trace then
    local trace = context.trace
    listeners[2] = function(event) trace:event(event) end
    context.on_call = function(call, err) context.emit {kind = "call", call = call, error = err} end
  end
  context.reports = reports(args)
  if #context.reports > 0 then
    local story = require "report.story".new(loaded.name)
    context.story = story
    listeners[#listeners + 1] = function(event) story:event(event) end
  end
  if args.notify then
    context.findings, listeners[#listeners + 1] = require "cli.telling".gather(loaded.name)
  end
  context.emit = require "playbook.events".stream(listeners)
  function context.traffic.slow(text)            -- said with --output json too: the result is on the other stream
    if ctx:wants_json() then ctx:say("%s", text) else context.emit {kind = "note", line = "    " .. text} end
  end
end

--- What the engine needs to work for a loaded playbook.
function playing.context(loaded, args, ctx, region)
  if args.notify then require "cli.telling".check(args, loaded.account) end
  local traffic = require "playbook.recorder".traffic()
  playing.region = region or loaded.account and loaded.account.region
  local session = ctx:session(region or loaded.account and loaded.account.region, traffic.transport)
  local painter = ctx:paint()
  local found, place = pcall(session.region, session)
  local context = {session = session, traffic = traffic, models = require "tidelock.models",
    region = found and place or nil, no_region = not found and place or nil,
    concurrency = args.concurrency, unsafe = args.unsafe,
    instructions = args.max_instructions}
  listen(context, loaded, args, ctx, painter)
  ctx.playing = context
  return context
end

local function write_reports(context, ctx, err)
  if not context.story then return end
  context.story:finish(err)
  for _, report in ipairs(context.reports) do
    local ok, why = report.file:write(context.story:text(report.format))
    ok = ok and report.file:close()
    if not ok then ctx:say("The report %s could not be written: %s", report.path, why or "the disk is full") end
  end
end

-- A playbook that was refused has a report too: a CI shows no file as nothing wrong.
local function report_refusal(args, ctx, err)
  if not (err and args.report) then return end
  pcall(function()
    write_reports({story = require "report.story".new(args[1] or "playbook"), reports = reports(args)}, ctx, err)
  end)
end

-- What listens hears its end: traces go out now, reports are written. `err` is what was raised, if anything was.
local function close(args, ctx, err)
  local context = ctx.playing
  if not context then return report_refusal(args, ctx, err) end
  ctx.playing = nil
  write_reports(context, ctx, err)
  if not context.trace then return end
  if err then context.trace:fail(err) end
  local ok, why = context.trace:finish()
  if not ok then ctx:say("%s", why) end
end

local STOPPED <const> = "Nothing was changed."

-- The first signal ends a command that only reads or asks. What has begun to write (ctx.stop is set) lets what is in
-- flight end; there the second ends the program, from within a call of the playbook too that would not end.
local function watch(body, ctx)
  local loop, signal = require "tidelock.loop", require "tidelock.signal"
  ctx.stopped_by = signal.wait("INT", "TERM", "HUP")
  if not ctx.stop then return loop.cancel(body) end
  local words = ctx.stop()
  signal.wait("INT", "TERM", "HUP")
  ctx:say("%s", words)
  os.exit(130)
end

-- Like pcall, but a signal is heard meanwhile; what it ended before anything was written says so by `words(args)`.
local function watched(fn, words, args, ctx)
  local loop = require "tidelock.loop"
  local body = loop.spawn(fn, args, ctx)
  ctx.stop, ctx.stopped_by, ctx.watcher = nil, nil, loop.spawn(watch, body, ctx)
  local ok, out = loop.wait(body)
  loop.cancel(ctx.watcher)
  if not ok and out == loop.CANCELLED and ctx.stopped_by then
    if ctx:can_ask() then ctx:say "" end                       -- below the ^C of a terminal
    out = {exit = 130, code = "Interrupted", message = ("Stopped by SIG%s. %s"):format(ctx.stopped_by,
      words and words(args) or STOPPED)}
  end
  return ok, out
end

--- A command's `run` that hears signals, and lets all that listens to it hear its end, also where that is an error.
-- `words(args)` says what is to be said of a command that was stopped before it wrote.
function playing.heard(run, words)
  local function traced(args, ctx)
    local ok, out = xpcall(run, function(err)
      return type(err) == "string" and debug.traceback(err, 2) or err
    end, args, ctx)
    if not ok then error(out, 0) end
    return out
  end
  return function(args, ctx)
    local ok, out = watched(traced, words, args, ctx)
    close(args, ctx, not ok and out or nil)
    if not ok then error(out, 0) end
    return out
  end
end

--- Loads a playbook and makes the context that plan and apply need: loaded, context.
function playing.load(path, args, ctx)
  local loaded = playbook.load(path, {vars = playing.vars(args),
    account = args.account or os.getenv "TIDELOCK_ACCOUNT"})
  return loaded, playing.context(loaded, args, ctx)
end

--- Prints a plan as --output says.
function playing.show(engine, args, ctx)
  if ctx:wants_json() then
    ctx:print_json(require "report.data".plan(engine))
  else
    ctx:print(require "report.terminal".plan(engine, ctx:paint(), {quiet = args.quiet}))
  end
end

return playing
