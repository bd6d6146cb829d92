--- Words of a command line against tables of options: one table gives parsing, help and completion. Pure.
local suggest = require "suggest"

local options = {}

--- What every command understands.
options.GLOBAL = {
  {name = "profile", value = "NAME", about = "profile of ~/.aws/config and credentials"},
  {name = "region", value = "REGION", about = "region to work in"},
  {name = "endpoint-url", value = "URL", about = "send to this address instead of AWS"},
  {name = "output", value = "FORMAT", about = "json, text or table", choices = {"json", "text", "table", "html"}},
  {name = "query", value = "JMESPATH", about = "print only what this JMESPath expression selects"},
  {name = "no-color", about = "no colour, whatever the terminal"},
  {name = "quiet", short = "q", about = "only what matters"},
  {name = "debug", about = "with tracebacks, for reports of errors"},
  {name = "help", short = "h", about = "what the command does and takes"},
}

local function key_of(name) return (name:gsub("%-", "_")) end

local function usage(message) error({exit = 64, code = "Usage", message = message, usage = true}, 0) end
options.usage = usage

--- Does what may refuse: what it returned, or nil, and then the refusal is among `faults`.
function options.attempt(faults, run, ...)
  local ok, result = pcall(run, ...)
  if ok then return result end
  if type(result) ~= "table" or not result.usage then error(result, 0) end
  faults[#faults + 1] = result.message
end

--- Refuses with all `faults` at once, if there are any.
function options.tell(faults)
  if #faults == 0 then return end
  for i = 1, #faults - 1 do
    if not faults[i]:find "[.?!]$" then faults[i] = faults[i] .. "." end
  end
  usage(table.concat(faults, " "))
end

local function index(tables)
  local by, names = {}, {}
  for _, list in ipairs(tables) do
    for _, option in ipairs(list) do
      by["--" .. option.name] = by["--" .. option.name] or option     -- a command's own goes before what all have
      if not option.hidden then names[#names + 1] = "--" .. option.name end
      if option.short then by["-" .. option.short] = option end
    end
  end
  return by, names
end

-- A number; where the option says `least`, a whole one from that on.
local function number(option, value, word)
  local n = tonumber(value)
  if not option.least then return n or usage(("%s takes a number, not %q"):format(word, value)) end
  n = math.tointeger(n)
  if not n or n < option.least then
    usage(("%s takes a whole number from %d on, not %q"):format(word, option.least, value))
  end
  return n
end

local LONGEST <const> = 24 * 86400                                 -- that a timer can wait

local function seconds(value, word)
  local n = tonumber(value)
  if n and n >= 0 and n <= LONGEST then return n end
  usage(("%s takes seconds from 0 (no limit) to %d (24 days), not %q"):format(word, LONGEST, value))
end

local function put(args, option, value, word)
  local key = key_of(option.name)
  if option.choices then
    local ok = false
    for _, choice in ipairs(option.choices) do ok = ok or choice == value end
    if not ok then
      usage(("%s takes one of %s, not %q%s"):format(word, table.concat(option.choices, ", "), value,
        suggest.phrase(value, option.choices)))
    end
  end
  if option.pairs then
    local name, rest = value:match "^([%w_%-]+)=(.*)$"
    if not name then usage(("%s takes name=value, not %q"):format(word, value)) end
    args[key] = args[key] or {}
    args[key][key_of(name)] = rest
  elseif option.many then
    args[key] = args[key] or {}
    table.insert(args[key], value)
  elseif option.number then
    args[key] = number(option, value, word)
  elseif option.seconds then
    args[key] = seconds(value, word)
  else
    args[key] = value
  end
end

local function unknown_option(word, names, what)
  usage(("%s has no option %s%s"):format(what, word, suggest.phrase(word, names)))
end

-- Puts the option that begins at `i` into args.
local function take(args, option, words, i)
  local name, value = words[i]:match "^(%-%-[^=]+)=(.*)$"
  local word = name or words[i]
  if not option.value then
    if name then usage(("%s takes no value"):format(name)) end
    args[key_of(option.name)] = true
    return
  end
  if not name then value = words[i + 1] end
  if value == nil then usage(("%s needs a value: %s %s"):format(word, word, option.value)) end
  put(args, option, value, word)
end

--- Parses `words`, and tells all that is wrong with them at once. Returns args: options under their names with `_` for
-- `-`, other words as a list, and under `rest` what follows `--` (with `rest` true, all from the first word that is no
-- option).
function options.parse(words, tables, what, rest)
  local by, names = index(tables)
  local args, faults, i = {}, {}, 1
  while i <= #words do
    local word = words[i]
    if word == "--" then
      args.rest = table.move(words, i + 1, #words, 1, {})
      break
    elseif word:sub(1, 1) ~= "-" or word == "-" then
      if rest then
        args.rest = table.move(words, i, #words, 1, {})
        break
      end
      args[#args + 1] = word
    else
      local name = word:match "^(%-%-[^=]+)="
      local option = by[name or word]
      if option then
        options.attempt(faults, take, args, option, words, i)
        if option.value and not name then i = i + 1 end
      else
        options.attempt(faults, unknown_option, name or word, names, what)
      end
    end
    i = i + 1
  end
  options.tell(faults)
  return args
end

--- Options that people are told of: one that is `hidden` is taken only to say what is meant instead.
function options.shown(list)
  local out = {}
  for _, option in ipairs(list) do
    if not option.hidden then out[#out + 1] = option end
  end
  return out
end

--- Help lines of a table of options.
function options.help(list)
  local rows, width = {}, 0
  for _, option in ipairs(options.shown(list)) do
    local left = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option.name
      .. (option.value and " " .. option.value or "")
    rows[#rows + 1] = {left, option.about}
    width = math.max(width, #left)
  end
  local out = {}
  for i, row in ipairs(rows) do out[i] = ("  %s  %s"):format(row[1] .. (" "):rep(width - #row[1]), row[2]) end
  return out
end

return options
