--- tidelock graph: a playbook's resources, edges and steps as dot, mermaid or svg. Sends nothing.
local fault = require "playbook.fault"
local playbook = require "playbook"
local playing = require "cli.playing"

local function svg(text, path)
  local proc = require "tidelock.proc"
  local result = proc.run {"dot", "-Tsvg", input = text}
  if result and result.code == 0 then return result.stdout end
  if result and not result.signal and result.code ~= 127 then
    fault.fail(70, "Graphviz could not draw it: %s", result.stderr)
  end
  fault.fail(69, "An svg is drawn by Graphviz, which is not here (the program dot). Install it (apt-get install"
    .. " graphviz), or take the text: tidelock graph %s --format dot (or mermaid).", path)
end

local function run(args, ctx)
  local loaded = playbook.load(playing.file(args, "graph"), {vars = playing.vars(args),
    account = args.account or os.getenv "TIDELOCK_ACCOUNT"})
  local engine = playbook.declare(loaded, {session = {}, models = require "tidelock.models",
    region = args.region or loaded.account and loaded.account.region or os.getenv "AWS_REGION" or "us-east-1",
    offline = true, emit = function() end, unsafe = args.unsafe}, "plan")
  local draw = require "report.graph"
  local format = args.format or "dot"
  if format == "mermaid" then
    ctx:print(draw.mermaid(engine))
  elseif format == "svg" then
    ctx:print(svg(draw.dot(engine), loaded.path))
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
  outputs = {}, instead = "it draws dot, mermaid or svg: --format",
  run = run,
}
