--- tidelock completion: scripts for bash, zsh and fish. They ask the program itself, by this command's own
-- words option, at every TAB, so commands, options, services and operations are those of this very build.
local options = require "cli.options"

local completion = {}

-- ## What can stand there: rows {word, about}

local function of_options(out, list)
  for _, option in ipairs(options.shown(list)) do out[#out + 1] = {"--" .. option.name, option.about} end
end

local function commands(out)
  local cli = require "cli"
  for _, name in ipairs(cli.names()) do out[#out + 1] = {name, cli.command(name).about} end
end

local function services(out)
  local models = require "tidelock.models"
  for _, name in ipairs(models.services()) do out[#out + 1] = {name} end
end

local function service(name)
  return name and require "tidelock.models".service((name:gsub("_", "-")))
end

local function operations(out, name)
  local model = service(name)
  for _, operation in ipairs(model and require "repl.manual".operations(model) or {}) do
    out[#out + 1] = {operation}
  end
end

local function operation(words)
  local model = service(words[1])
  return model and words[2] and (model:operation((words[2]:gsub("%-", "_"))) or model:operation(words[2]))
end

local function profiles(out)
  local ok, names = pcall(function() return require "aws".session({}).settings:profiles() end)
  for _, name in ipairs(ok and names or {}) do out[#out + 1] = {name} end
end

local function choices(out, list)
  for _, word in ipairs(list) do out[#out + 1] = {word} end
end

-- ## The words before the cursor

-- An option of these tables, by the word that names it.
local function find_option(word, tables)
  for _, list in ipairs(tables) do
    for _, option in ipairs(list) do
      if word == "--" .. option.name or option.short and word == "-" .. option.short then return option end
    end
  end
end

-- The words that are neither options nor their values.
local function positionals(words, tables)
  local out, i = {}, 1
  while i <= #words do
    local option = find_option(words[i], tables)
    if option and option.value then
      i = i + 1
    elseif words[i]:sub(1, 1) ~= "-" then
      out[#out + 1] = words[i]
    end
    i = i + 1
  end
  return out
end

local function value_of(out, option)
  if option.choices then choices(out, option.choices) end
  if option.words then choices(out, option.words()) end
  if option.name == "profile" then profiles(out) end
  return true
end

-- The value of an operation's own option: what the model enumerates.
local function member_value(out, words, before)
  local op = operation(words)
  local found = op and require "cli.arguments".options(op, op.service)[(before or ""):match "^%-%-(.+)$" or ""]
  if not found or found.negative or found.shape.type == "boolean" then return false end
  local shape = found.shape
  if shape.type == "list" and shape.member then shape = op.service:shape(shape.member) end
  choices(out, shape.enum or {})
  return true
end

local function call_options(out, op)
  local by = require "cli.arguments".options(op, op.service)
  local names = {}
  for name, found in pairs(by) do names[#names + 1] = {"--" .. name, found.shape.type} end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  table.move(names, 1, #names, #out + 1, out)
  return by
end

local function call(out, words, before, partial, tables)
  local rest = positionals(words, tables)
  if member_value(out, rest, before) and partial:sub(1, 1) ~= "-" then return end
  if #rest == 0 then return services(out) end
  if #rest == 1 then return operations(out, rest[1]) end
  local op = operation(rest)
  local taken = op and call_options(out, op) or {}
  for _, list in ipairs(tables) do
    for _, option in ipairs(list) do
      if not taken[option.name] then of_options(out, {option}) end
    end
  end
end

local function help(out, words, tables)
  local rest = positionals(words, tables)
  if #rest == 1 then return operations(out, rest[1]) end
  if #rest > 1 then return end
  commands(out)
  for _, topic in ipairs {{"playbook", "the language of playbooks"}, {"types", "the resource types"}} do
    out[#out + 1] = topic
  end
  services(out)
end

local function of_command(out, name, words, partial)
  local command = require "cli".command(name)
  if not command then return end
  local tables = {command.options or {}, options.GLOBAL}
  local before = words[#words]
  local option = before and find_option(before, tables)
  if option and option.value then return value_of(out, option) end
  if name == "call" then return call(out, words, before, partial, tables) end
  if partial:sub(1, 1) == "-" then
    for _, list in ipairs(tables) do of_options(out, list) end
  elseif name == "help" then
    help(out, words, tables)
  elseif command.words and #positionals(words, tables) == 0 then
    choices(out, command.words)
  end
end

--- What can stand where the last of `words` is being typed: rows {word, about}, those that begin with it.
function completion.candidates(words)
  local out, found = {}, {}
  local partial = words[#words] or ""
  local i = 1
  while i < #words and words[i]:sub(1, 1) == "-" do                       -- options before the command
    local option = find_option(words[i], {options.GLOBAL})
    if option and option.value then
      if i == #words - 1 then value_of(out, option) end
      i = i + 1
    end
    i = i + 1
  end
  if #out == 0 and i >= #words then
    if partial:sub(1, 1) == "-" then of_options(out, options.GLOBAL) else commands(out) end
  elseif #out == 0 then
    of_command(out, words[i], table.move(words, i + 1, #words - 1, 1, {}), partial)
  end
  for _, row in ipairs(out) do
    if row[1]:sub(1, #partial) == partial then found[#found + 1] = row end
  end
  return found
end

-- ## The scripts

local SCRIPTS <const> = {
  bash = [=[
# tidelock completion for bash. Put into ~/.bashrc: source <(tidelock completion bash)
_tidelock () {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]/#\~/$HOME}" completion --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o bashdefault -o default -F _tidelock tidelock]=],
  zsh = [=[
#compdef tidelock
# tidelock completion for zsh. Put into ~/.zshrc, after compinit: source <(tidelock completion zsh)
_tidelock () {
  local -a rows names
  local row
  rows=("${(@f)$(${(Q)words[1]} completion --described --words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for row in $rows; do
    [[ -n $row ]] && names+=("${${row%%$'\t'*}//:/\\:}${${row#*$'\t'}:+:${row#*$'\t'}}")
  done
  if (( ${#names} )); then _describe -V tidelock names; else _files; fi
}
compdef _tidelock tidelock]=],
  fish = [=[
# tidelock completion for fish. Put into ~/.config/fish/config.fish: tidelock completion fish | source
function __tidelock_words
  set -l typed (commandline -opc)
  $typed[1] completion --described --words $typed[2..-1] (commandline -ct) 2>/dev/null
end
complete -c tidelock -a '(__tidelock_words)']=],
}

local OWN <const> = {
  {name = "words", value = "WORD ...", about = "what can stand where the last word is typed; for the scripts"},
  {name = "described", about = "with what each is for, after a tab"},
}

local function say(ctx, words, described)
  for _, row in ipairs(completion.candidates(words)) do
    ctx.out:write(row[1], described and "\t" .. (row[2] or "") or "", "\n")
  end
  return 0
end

-- Its own parsing: what follows --words are another command line's words, options too.
local function run(args, ctx)
  local words = args.words
  local described = words[1] == "--described"
  if described then words = table.move(words, 2, #words, 1, {}) end
  if words[1] == "--words" then return say(ctx, table.move(words, 2, #words, 1, {}), described) end
  if words[1] == "--help" or words[1] == "-h" then return require "cli.help".run({"completion"}, ctx) end
  local script = SCRIPTS[words[1] or ""]
  if not script or words[2] then
    options.usage(("for which shell? One of bash, zsh, fish%s"):format(
      words[1] and require "suggest".phrase(words[1], {"bash", "zsh", "fish"}) or ""))
  end
  ctx:print(script)
  return 0
end

return {
  name = "completion",
  about = "Print a script that completes commands, options, services and operations at TAB",
  usage = "tidelock completion bash | zsh | fish",
  more = "bash: source <(tidelock completion bash)   zsh: the same with zsh\n"
    .. "fish: tidelock completion fish | source",
  own = true,
  options = OWN,
  words = {"bash", "zsh", "fish"},
  candidates = completion.candidates,
  run = run,
}
