--- tidelock graph: a playbook's resources, edges and steps as dot, mermaid or svg. Sends nothing.
local options = require "cli.options"
local playbook = require "playbook"
local playing = require "cli.playing"

local function svg(text)
  local proc = require "tidelock.proc"
  local result, err = proc.run {"dot", "-Tsvg", stdin = text}
  if not result or result.code ~= 0 then
    options.usage(("svg needs Graphviz (apt-get install graphviz): %s"):format(err and err.message or result.stderr
      or "dot failed"))
  end
  return result.stdout
end

local function run(args, ctx)
  local loaded = playbook.load(playing.file(args, "graph"), {vars = playing.vars(args),
    account = args.account or os.getenv "TIDELOCK_ACCOUNT"})
  local engine = playbook.declare(loaded, {session = {}, models = require "tidelock.models",
    region = args.region or loaded.account and loaded.account.region or os.getenv "AWS_REGION" or "us-east-1",
    emit = function() end, unsafe = args.unsafe}, "plan")
  local draw = require "report.graph"
  local format = args.format or "dot"
  if format == "mermaid" then
    ctx:print(draw.mermaid(engine))
  elseif format == "svg" then
    ctx:print(svg(draw.dot(engine)))
  else
    ctx:print(draw.dot(engine))
  end
  return 0
end

return {
  name = "graph",
  about = "Draw a playbook's resources, their edges and its steps",
  usage = "tidelock graph FILE.lua [--format dot|mermaid|svg]",
  options = playing.options {
    {name = "format", value = "FORMAT", choices = {"dot", "mermaid", "svg"}, about = "dot (default), mermaid or svg"},
  },
  run = run,
}
