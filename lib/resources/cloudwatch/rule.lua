--- The rule of a composite alarm as a tree: read, checked, and written in the one form that equal rules share. Pure.
local rule = {}

local STATES <const> = {ALARM = true, OK = true, INSUFFICIENT_DATA = true}
local WORDS <const> = {AND = true, OR = true, NOT = true, TRUE = true, FALSE = true}
local LENGTH <const>, CHILDREN <const>, DEPTH <const> = 10240, 100, 64

local function fail(state, message, ...)
  error({fault = ("%s (character %d)"):format(message:format(...), state.at)}, 0)
end

local function blank(state) state.at = state.text:find("%S", state.at) or #state.text + 1 end

-- The word or sign that is next, without taking it.
local function peek(state)
  blank(state)
  local sign = state.text:sub(state.at, state.at)
  if sign == "(" or sign == ")" then return sign end
  return state.text:match("^[%a_]+", state.at) or sign
end

local function take(state, wanted)
  local found = peek(state)
  if found ~= wanted then
    fail(state, "%s is expected, not %s", wanted, found == "" and "the end" or ("%q"):format(found))
  end
  state.at = state.at + #found
end

-- The alarm in brackets: a name or an ARN, in quotes where it holds blanks or brackets.
local function subject(state)
  take(state, "(")
  blank(state)
  local quote = state.text:sub(state.at, state.at)
  local name, after
  if quote == '"' or quote == "'" then
    name, after = state.text:match("^" .. quote .. "([^" .. quote .. "]+)" .. quote .. "()", state.at)
  else
    name, after = state.text:match("^([^%s()\"']+)()", state.at)
  end
  if not name then fail(state, "the name of an alarm is missing or has no end") end
  state.at = after
  take(state, ")")
  return name:match "^arn:[%w-]+:cloudwatch:[%w-]*:%d+:alarm:(.+)$" or name
end

local either

local function single(state, depth)
  if depth > DEPTH then fail(state, "the rule is nested too deep") end
  local word = peek(state)
  if word == "(" then
    take(state, "(")
    local inner = either(state, depth + 1)
    take(state, ")")
    return inner
  elseif word == "NOT" then
    take(state, "NOT")
    return {"NOT", single(state, depth + 1)}
  elseif word == "TRUE" or word == "FALSE" then
    take(state, word)
    return {word}
  elseif STATES[word] then
    take(state, word)
    local name = subject(state)
    state.names[#state.names + 1] = name
    return {word, name = name}
  end
  fail(state, "%s is none of ALARM(..), OK(..), INSUFFICIENT_DATA(..), NOT, TRUE, FALSE", word == "" and "the end"
    or ("%q"):format(word))
end

-- One or more of `below`, joined by `word`; what is joined by the same word again is one list.
local function joined(word, below)
  return function(state, depth)
    local list = {word}
    local function add(node)
      if node[1] == word then table.move(node, 2, #node, #list + 1, list) else list[#list + 1] = node end
    end
    add(below(state, depth))
    while peek(state) == word do
      take(state, word)
      add(below(state, depth))
    end
    return #list == 2 and list[2] or list
  end
end

either = joined("OR", joined("AND", single))

--- The tree of a rule and the names of its alarms; nil and a sentence where it is none.
function rule.parse(text)
  local state = {text = text, at = 1, names = {}}
  local ok, tree = pcall(function()
    local tree = either(state, 1)
    if peek(state) ~= "" then
      fail(state, "AND, OR or the end is expected, not %s", WORDS[peek(state)] and peek(state)
        or ("%q"):format(peek(state)))
    end
    return tree
  end)
  if ok then return tree, state.names end
  if type(tree) == "table" and tree.fault then return nil, tree.fault end
  error(tree, 0)
end

local function written(node, inside)
  if node.name then return ('%s("%s")'):format(node[1], node.name) end
  if node[1] == "NOT" then return "NOT " .. written(node[2], "NOT") end
  if #node == 1 then return node[1] end
  local parts = {}
  for i = 2, #node do parts[i - 1] = written(node[i], node[1]) end
  table.sort(parts)
  local text = table.concat(parts, (" %s "):format(node[1]))
  return inside and "(" .. text .. ")" or text
end

--- The form that equal rules share: blanks, quotes, ARNs for names and the order around AND and OR make no difference.
-- What is no rule stays as it is.
function rule.normal(text)
  local tree = type(text) == "string" and rule.parse(text)
  return tree and written(tree) or text
end

--- Sentences on what CloudWatch would refuse.
function rule.faults(text)
  local tree, names = rule.parse(text)
  if not tree then return {"AlarmRule cannot be read: " .. names} end
  local out = {}
  if #text > LENGTH then out[1] = ("AlarmRule has %d characters, and the most is %d"):format(#text, LENGTH) end
  if #names > CHILDREN then
    out[#out + 1] = ("AlarmRule names %d alarms, and the most is %d"):format(#names, CHILDREN)
  end
  return out
end

return rule
