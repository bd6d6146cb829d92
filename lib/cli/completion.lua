--- tidelock completion: a script for bash or zsh, made of the commands' own tables of options.
local cli = require "cli"
local options = require "cli.options"

local function words_of(command)
  local out = {}
  for _, list in ipairs {command.options or {}, options.GLOBAL} do
    for _, option in ipairs(list) do out[#out + 1] = "--" .. option.name end
  end
  return table.concat(out, " ")
end

local function script()
  local out = {"_tidelock() {", "  local cur=${COMP_WORDS[COMP_CWORD]} words", "  case ${COMP_WORDS[1]} in"}
  for _, name in ipairs(cli.names()) do
    out[#out + 1] = ("  %s) words='%s' ;;"):format(name, words_of(cli.command(name)))
  end
  out[#out + 1] = "  *) words='' ;;"
  out[#out + 1] = "  esac"
  out[#out + 1] = ("  if [ $COMP_CWORD -eq 1 ]; then words='%s'; fi"):format(table.concat(cli.names(), " "))
  out[#out + 1] = '  COMPREPLY=( $(compgen -W "$words" -- "$cur") $(compgen -f -X "!*.lua" -- "$cur") )'
  out[#out + 1] = "}"
  out[#out + 1] = "complete -o filenames -F _tidelock tidelock"
  return out
end

local function run(args, ctx)
  local shell = args[1] or "bash"
  if shell == "zsh" then
    ctx:print "autoload -U +X bashcompinit && bashcompinit"
  elseif shell ~= "bash" then
    options.usage(("completion is made for bash and zsh, not for %q"):format(shell))
  end
  ctx:print(script())
  return 0
end

return {name = "completion", about = "A completion script for bash or zsh",
  usage = "source <(tidelock completion bash)", options = {}, run = run}
