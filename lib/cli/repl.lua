--- tidelock repl: AWS by hand. Every line is Lua and runs as a task, so that any call just works.
local FALLBACK <const> = "GNU readline is not installed; the built-in editor does the work"

local function session_options(args)
  return {profile = args.profile, region = args.region, endpoint_url = args.endpoint_url}
end

-- The first thing a person sees: where calls go.
local function greet(ctx, session, editor)
  local version = require "cli.version".VERSION
  local ok, region = pcall(function() return session.settings:get "region" end)
  ctx:say("tidelock %s, profile %s, %s. help() tells what there is; :quit or Ctrl-D ends.", version,
    session.settings:profile_name(), ok and region and "region " .. region or "no region (--region, AWS_REGION)")
  if editor:name() == "built-in" and not ctx.args.editor then ctx:say(FALLBACK) end
end

local function interactive(ctx, args)
  local tty, readline = require "tidelock.tty", require "tidelock.readline"
  local editor <close>, err = readline.open(args.editor or "any")
  if not editor then error({code = err.code, message = err.message, exit = 69}, 0) end
  local history = require "repl.history"
  local repl = require "repl".new {session = session_options(args), out = ctx.out, terminal = tty.is "stdout",
    debug = args.debug, editor = editor, history = not args.no_history and history.path(os.getenv) or nil,
    say = function(text) ctx:say("%s", text) end}
  if not args.quiet then greet(ctx, repl.session, editor) end
  return repl:interact()
end

local function run(args, ctx)
  local tty = require "tidelock.tty"
  if ctx.input == io.stdin and tty.is "stdin" then return interactive(ctx, args) end
  local repl = require "repl".new {session = session_options(args), out = ctx.out, terminal = false, debug = args.debug,
    say = function(text) ctx:say("%s", text) end}
  return repl:pipe(ctx.input, ctx.err)
end

return {
  name = "repl",
  about = "Call AWS by hand: Lua line by line, with completion and history",
  usage = "tidelock repl [--no-history]   or   tidelock repl < LINES",
  more = "From a pipe it runs the lines without a prompt and ends at the first error, with its exit code.\n"
    .. "In it, help() tells what there is.",
  options = {
    {name = "no-history", about = "keep nothing of what is typed"},
    {name = "editor", value = "NAME", about = "readline or built-in (default: readline where it is installed)",
      choices = {"readline", "built-in"}},
  },
  words = 0, outputs = {},
  run = run,
}
