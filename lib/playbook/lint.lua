--- Reads a playbook's text before it runs: names that are not defined, and branches on what is not known yet.
-- A parser of Lua that builds nothing: it follows scopes, and which names hold handles.
local fault = require "playbook.fault"
local suggest = require "suggest"
local tokens = require "playbook.tokens"

local lint = {}

--- The words of playbooks and of Lua that need no definition.
lint.WORDS = {"playbook", "var", "account", "ensure", "step", "find", "owned", "retire", "keep", "recall", "wait_until",
  "approve", "park", "check", "include", "worker", "output", "known", "days", "hours", "minutes", "seconds", "now",
  "random", "aws", "task", "http", "json", "log", "secret", "looks_secret", "contains", "listed", "redis",
  "tokenbucket", "postgres", "policies", "print", "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal",
  "rawlen", "rawget", "rawset", "select", "tonumber", "tostring", "type", "xpcall", "setmetatable", "getmetatable",
  "load", "string", "table", "math", "utf8", "os", "io", "require", "_VERSION", "_G", "_ENV"}

--- What is Lua's, and not a playbook's.
lint.CLOSED = {
  io = "files and programs are not a playbook's; --unsafe lets one use io, os and require",
  require = "a playbook takes parts by include; --unsafe lets one use io, os and require",
  dofile = "a playbook takes parts by include", loadfile = "a playbook takes parts by include",
  package = "a playbook takes parts by include", coroutine = "what runs side by side is written with task, in a step",
  debug = "a playbook has nothing of it", collectgarbage = "a playbook has nothing of it",
}

--- What is said of a name that is none of `words` (a list).
function lint.undefined(name, words)
  local why = lint.CLOSED[name]
  if why then return ("%s is not there: %s"):format(name, why) end
  return ("%s is not defined%s"):format(tostring(name), suggest.phrase(name, words))
end

-- ## The parser

local Parser <const> = {}
Parser.__index = Parser

function Parser:peek() return self.tokens[self.at] end

function Parser:is(word) return self.tokens[self.at].word == word end

function Parser:next()
  local t = self.tokens[self.at]
  self.at = self.at + 1
  return t
end

function Parser:accept(word)
  local at = self.at
  if self.tokens[at].word ~= word then return false end
  self.at = at + 1
  return true
end

function Parser:open() self.scope = {names = {}, outer = self.scope} end

function Parser:close() self.scope = self.scope.outer end

function Parser:bind(name, info) self.scope.names[name] = info or {} end

function Parser:find(name)
  local scope = self.scope
  while scope do
    if scope.names[name] then return scope.names[name] end
    scope = scope.outer
  end
end

function Parser:fault(line, message, ...) return fault.add(self.list, self.path, line, message:format(...)) end

-- A branch outside functions: inside a step's run the same field is a real value.
function Parser:branch(value, line)
  if value and value.unknown and self.depth == 0 then
    self:fault(line, "%s is not known before apply, so the playbook cannot branch on it; ask known(%s), or decide by"
      .. " the account file or a var", value.unknown, value.unknown)
  end
end

function Parser:use(name, line)
  local info = self:find(name)
  if info then return info end
  if not self.words[name] then self.globals[#self.globals + 1] = {name = name, line = line} end
  return {global = name}
end

local BINARY <const> = {["or"] = 1, ["and"] = 2, ["<"] = 3, [">"] = 3, ["<="] = 3, [">="] = 3, ["~="] = 3, ["=="] = 3,
  ["|"] = 4, ["~"] = 5, ["&"] = 6, ["<<"] = 7, [">>"] = 7, [".."] = 9, ["+"] = 10, ["-"] = 10, ["*"] = 11, ["/"] = 11,
  ["//"] = 11, ["%"] = 11, ["^"] = 14}
local UNARY <const> = {["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true}
local COMPARES <const> = {["<"] = true, [">"] = true, ["<="] = true, [">="] = true, ["~="] = true, ["=="] = true}

function Parser:arguments()
  if self:peek().kind == "string" then
    self:next()
  elseif self:is "{" then
    self:constructor()
  else
    self:next()
    while not self:is ")" do
      self:expression()
      if not self:accept "," then break end
    end
    self:accept ")"
  end
end

local function field_of(info, text)
  if info.bag then return {handle = true}, text end
  if info.handle then return {unknown = text}, text end
  if info.unknown then return {unknown = text}, text end
  if info.ensure == 1 then return {ensure = 2}, text end
  if info.ensure == 2 then return {ensure = 3}, text end
  return {}, text
end

local function start_of(info)
  if info.global == "ensure" then return {ensure = 1} end
  if info.global == "step" then return {step = true} end
  return info
end

local function called(info)
  if info.ensure == 3 then return {handle = true} end
  if info.step then return {stepped = true} end
  if info.stepped then return {handle = true, unknown = "the step's result"} end
  return {}
end

function Parser:suffixed()
  local t = self:next()
  local info, text
  if t.word == "(" then
    info = self:expression() or {}
    self:accept ")"
    text = "(...)"
  else
    info, text = start_of(self:use(t.text, t.line)), t.text
  end
  local root = info
  while true do
    local word = self:peek().word
    if word == "." or word == ":" then
      local call = word == ":"
      self:next()
      local name = self:next().text
      info, text = field_of(info, text .. (call and ":" or ".") .. name)
      if call then
        self:arguments()
        info = {}
      end
    elseif word == "[" then
      self:next()
      self:expression()
      self:accept "]"
      info, text = field_of(info, text .. "[...]")
    elseif not word or word == "{" or word == "(" then
      self:arguments()
      info = called(info)
    else
      return info, root
    end
  end
end

function Parser:constructor()
  self:next()
  while not self:is "}" do
    if self:is "[" then
      self:next()
      self:expression()
      self:accept "]"
      self:accept "="
      self:expression()
    else
      if self:peek().kind == "name" and self.tokens[self.at + 1].word == "=" then self.at = self.at + 2 end
      self:expression()
    end
    if not (self:accept "," or self:accept ";") then break end
  end
  self:accept "}"
  return {}
end

function Parser:body(method)
  self:open()
  if method then self:bind "self" end
  self.depth = self.depth + 1
  self:accept "("
  while not self:is ")" do
    local t = self:next()
    if t.kind == "name" then self:bind(t.text) end
    self:accept ","
  end
  self:accept ")"
  self:block()
  self:accept "end"
  self.depth = self.depth - 1
  self:close()
end

local PLAIN <const> = {["nil"] = true, ["true"] = true, ["false"] = true, ["..."] = true}

function Parser:simple()
  local t = self:peek()
  if not t.word or t.kind == "number" or PLAIN[t.word] then
    self:next()
    return {}
  end
  if t.word == "{" then return self:constructor() end
  if self:accept "function" then
    self:body()
    return {}
  end
  return (self:suffixed())
end

local function joined(op, a, b)
  if op == ".." then return {unknown = a.unknown or b.unknown} end
  if op == "and" then return b.handle and b or {unknown = b.unknown} end
  if op == "or" then
    if a.handle or b.handle then return {handle = true} end
    return {unknown = a.unknown or b.unknown}
  end
  return {}
end

function Parser:expression(limit)
  limit = limit or 0
  local left
  if UNARY[self:peek().word] then
    local t = self:next()
    left = self:expression(12)
    if t.text == "not" then self:branch(left, t.line) end
    left = {}
  else
    left = self:simple()
  end
  while true do
    local t = self:peek()
    local power = BINARY[t.word]
    if not power or power <= limit then return left end
    self:next()
    local after_and = left.after_and
    local right = self:expression((t.text == ".." or t.text == "^") and power - 1 or power)
    if COMPARES[t.text] then
      self:branch(left, t.line)
      self:branch(right, t.line)
    elseif t.text == "and" or (t.text == "or" and not after_and) then
      self:branch(left, t.line)
    end
    left = joined(t.text, left, right)
    left.after_and = t.text == "and"
  end
end

function Parser:condition(line)
  local value = self:expression()
  self:branch(value, line)
end

function Parser:locals(line)
  if self:accept "function" then
    self:bind(self:next().text)
    return self:body()
  end
  local names = {}
  repeat
    names[#names + 1] = self:next().text
    if self:accept "<" then
      self:next()
      self:accept ">"
    end
  until not self:accept ","
  local infos = {}
  if self:accept "=" then
    repeat infos[#infos + 1] = self:expression() until not self:accept ","
  end
  for i, name in ipairs(names) do
    local info = infos[i] or {}
    self:bind(name, {handle = info.handle, unknown = info.unknown, line = line})
  end
end

function Parser:loop()
  self:open()
  local names = {}
  repeat names[#names + 1] = self:next().text until not self:accept ","
  if self:accept "=" or self:accept "in" then
    repeat self:expression() until not self:accept ","
  end
  self:accept "do"
  for _, name in ipairs(names) do self:bind(name) end
  self:block()
  self:accept "end"
  self:close()
end

function Parser:if_()
  repeat
    self:condition(self:peek().line)
    self:accept "then"
    self:scoped()
  until not self:accept "elseif"
  if self:accept "else" then self:scoped() end
  self:accept "end"
end

function Parser:scoped()
  self:open()
  self:block()
  self:close()
end

-- Without local a name is everybody's, and a misspelt one is silently a new one. It counts as defined: one fault is
-- enough. Words of the language have a sentence of their own.
function Parser:global(token, what)
  local name = token.text
  self.defined[name] = true
  if self.words[name] then return end
  self:fault(token.line, what and "function %s stands without local; write local function %s" or
    "%s is set without local; write local %s = ...", name, name)
end

-- A call, or an assignment: a global that is assigned anywhere counts as defined everywhere.
function Parser:assignment()
  local targets = {}
  repeat
    local t, before = self:peek(), #self.globals
    local _, root = self:suffixed()
    targets[#targets + 1] = {token = t, root = root, plain = self.tokens[self.at - 1] == t, seen = before}
  until not self:accept ","
  if not self:accept "=" then return end
  for _, target in ipairs(targets) do
    if target.plain and not self:find(target.token.text) then self:global(target.token) end
  end
  local i = 0
  repeat
    i = i + 1
    local value = self:expression()
    local target = targets[i]
    if target and value.handle and not target.plain then target.root.bag = true end
    if target and target.plain then target.root.handle, target.root.unknown = value.handle, value.unknown end
  until not self:accept ","
end

function Parser:while_(line)
  self:condition(line)
  self:accept "do"
  self:scoped()
  self:accept "end"
end

function Parser:do_()
  self:scoped()
  self:accept "end"
end

function Parser:repeat_(line)
  self:open()
  self:block()
  self:accept "until"
  self:condition(line)
  self:close()
end

function Parser:function_()
  local name = self:next()
  if not self:find(name.text) and not (self:is "." or self:is ":") then self:global(name, "function") end
  local method = false
  while self:is "." or self:is ":" do
    method = self:next().text == ":"
    self:next()
  end
  self:body(method)
end

local CLOSES <const> = {["end"] = true, ["until"] = true, ["else"] = true, ["elseif"] = true, [""] = true}

function Parser:return_()
  while not CLOSES[self:peek().word] do
    self:expression()
    self:accept ","
    self:accept ";"
  end
end

function Parser:label()
  self:next()
  self:accept "::"
end

-- What a statement is by its first word, which has been taken; of any other word it is an assignment or a call.
local STATEMENTS <const> = {["if"] = Parser.if_, ["while"] = Parser.while_, ["do"] = Parser.do_, ["for"] = Parser.loop,
  ["repeat"] = Parser.repeat_, ["function"] = Parser.function_, ["local"] = Parser.locals, ["return"] = Parser.return_,
  ["goto"] = Parser.next, ["::"] = Parser.label, ["break"] = function() end, [";"] = function() end}

function Parser:statement()
  local t = self:peek()
  local rest = STATEMENTS[t.word]
  if not rest then return self:assignment() end
  self:next()
  rest(self, t.line)
end

function Parser:block()
  while not CLOSES[self:peek().word] do
    local at = self.at
    self:statement()
    if self.at == at then self:next() end
  end
end

--- Adds what is wrong with the text (which compiles) to `list`, with lines.
function lint.check(path, text, list)
  local words = {}
  for _, word in ipairs(lint.WORDS) do words[word] = true end
  local parser = setmetatable({tokens = tokens.of(text), at = 1, list = list, path = path, words = words, globals = {},
    defined = {}, depth = 0}, Parser)
  parser:open()
  parser:block()
  for _, use in ipairs(parser.globals) do
    if not parser.defined[use.name] then
      local told = parser:fault(use.line, "%s", lint.undefined(use.name, lint.WORDS))
      if told then told.undefined = use.name end
    end
  end
end

return lint
