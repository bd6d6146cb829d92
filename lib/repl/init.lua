--- Lines typed by a person, or piped in: each runs as a task, so that any call just works.
local complete = require "repl.complete"
local history = require "repl.history"
local pager = require "repl.pager"
local value = require "repl.value"
local world = require "repl.world"

local repl = {}
repl.__index = repl

local PROMPT <const>, MORE <const> = "tidelock> ", "       >> "

-- ## Lua out of lines

local function incomplete(why) return why:find("near <eof>", 1, true) ~= nil end

--- The text as a function: an expression, or statements. Or nil, why, and whether more lines could complete it.
function repl.compile(text, env)
  local chunk = load("return " .. text, "=repl", "t", env)
  if chunk then return chunk end
  local why
  chunk, why = load(text, "=repl", "t", env)
  if chunk then return chunk end
  return nil, why, incomplete(why)
end

--- A raised value as a text for people.
function repl.describe(err, trace)
  local text
  if err == "interrupted" then return "stopped" end
  if type(err) == "table" and not (getmetatable(err) or {}).__tostring then
    text = err.message or value.text(err)
  else
    text = tostring(err)
  end
  return trace and text .. "\n" .. trace or text
end

-- ## One line

local function results_of(self, results)
  if results.n == 0 then return end
  self.env._ = results[1]
  for i = 1, results.n do
    self.console.write(value.text(results[i], {width = pager.width()}) .. "\n")
  end
end

--- Runs a chunk as a task. Returns true; or false, the error and its traceback.
function repl:run(chunk)
  local loop, readline = require "tidelock.loop", require "tidelock.readline"
  local work = loop.spawn(function()
    readline.guard()
    return table.pack(chunk())
  end)
  self.running = work
  local ok, results = loop.wait(work)
  self.running = nil
  self.late = readline.interrupted()                      -- what it was meant for has ended already
  if ok then
    ok, results = pcall(results_of, self, results)        -- a __tostring of the user's own may raise
    return ok, results
  end
  if results == loop.CANCELLED then return false, "interrupted" end
  return false, results, self.debug and loop.trace(work) or nil
end

-- ## A pipe

--- Runs what comes from `input` until its end, or its first error. Returns the exit code.
function repl:pipe(input, err)
  local tty = require "tidelock.tty"
  local own = input == io.stdin
  local text, first, number = "", 1, 0
  if own then input:setvbuf "no" end                      -- nothing is read ahead of what tty.wait watches
  while true do
    if own then tty.wait() end
    local line = input:read "L"
    if not line then break end
    number = number + 1
    text = text .. line
    if text:find "^%s*:quit%s*$" then return 0 end
    local chunk, why, more = repl.compile(text, self.env)
    if chunk or not more then
      local ok, fault, trace = false, why, nil
      if chunk then ok, fault, trace = self:run(chunk) end
      if not ok then
        self.console.flush()
        err:write(("tidelock repl: line %d: %s\n"):format(first, repl.describe(fault, trace)))
        return type(fault) == "table" and math.type(fault.exit) == "integer" and fault.exit or chunk and 1 or 64
      end
      text, first = "", number + 1
    end
  end
  if text:find "%S" then
    err:write(("tidelock repl: line %d: the input ends in the middle of what begins here\n"):format(first))
    return 64
  end
  return 0
end

-- ## A terminal

local function keep(self, text)
  if text:find "^%s*$" or text == self.last then return end
  self.last = text
  self.editor:remember((text:gsub("\n", " ")))
  if not self.path or not history.may_keep(text, require "tidelock.models") then return end
  local ok, why = history.add(self.path, text)
  if not ok and not self.told then
    self.told = true
    self.say("the history cannot be kept: " .. (type(why) == "table" and why.message or tostring(why)))
  end
end

local function offer(self, line, point)
  local before = self.before
  local from, rows = complete.at(before .. line:sub(1, point), self.env, require "tidelock.models")
  if not from or #rows == 0 or from < #before then return end
  from = from - #before
  local common = complete.common(rows)
  if #rows == 1 then
    local after = rows[1][2]
    local rest = line:sub(point + 1)
    if after ~= "" and rest:sub(1, #after) == after then after = "" end
    self.editor:replace(from, point, common .. after)
  elseif #common > point - from then
    self.editor:replace(from, point, common)
  else
    local words = {}
    for i, row in ipairs(rows) do words[i] = row[1] end
    local lines = require "repl.wrap".columns(words, "", pager.width())
    local most = 60
    if #lines > most then
      lines[most] = ("... and %d more lines; type a letter or two"):format(#lines - most + 1)
    end
    self.editor:print("\n" .. table.concat(lines, "\n", 1, math.min(#lines, most)) .. "\n")
  end
end

-- The body of the task that reads: the next line typed, or nil at the end. The loop turns while it waits.
local function keys(self, prompt)
  local tty = require "tidelock.tty"
  local editor = self.editor
  editor:start(prompt)
  while true do
    if not editor:pending() then tty.wait() end
    local what, text, point = editor:feed()
    if what == "tab" then
      offer(self, text, point)
    elseif what then
      return text
    end
  end
end

-- A line; nil at the end; false where Ctrl-C dropped it.
local function read_line(self, prompt)
  local loop = require "tidelock.loop"
  self.typing = loop.spawn(keys, self, prompt)
  local ok, line = loop.wait(self.typing)
  self.typing = nil
  if ok then return line end
  self.editor:drop()
  if line ~= loop.CANCELLED then error(line, 0) end
  return false
end

-- The lines of one input: until it is complete, or cannot become so.
local function read_input(self)
  local text = ""
  while true do
    self.before = text == "" and "" or text .. "\n"
    local line = read_line(self, text == "" and PROMPT or MORE)
    if line == nil then return nil end
    if not line then
      text = ""
    else
      text = self.before .. line
      if text:find "^%s*:" or text:find "^%s*$" then return text end
      local chunk, why, more = repl.compile(text, self.env)
      if chunk or not more then return text, chunk, why end
    end
  end
end

-- Ctrl-C: stops what runs, or drops what is being typed.
local function watch_interrupts(self)
  local loop, readline = require "tidelock.loop", require "tidelock.readline"
  while true do
    readline.interrupt()
    local task = not self.late and (self.running or self.typing)
    self.late = false
    if task then loop.cancel(task) end
  end
end

local function watch_window(self)
  local signal = require "tidelock.signal"
  while true do
    signal.wait "WINCH"
    if self.typing then self.editor:resize() end
  end
end

local function command(self, text)
  local word = text:match "^%s*:(%a*)"
  if word == "q" or word == "quit" or word == "exit" then return "quit" end
  if word == "help" or word == "h" then
    self.env.help()
  else
    self.say("there is no command :" .. word .. "; there are :help and :quit")
  end
end

--- Reads and runs until Ctrl-D or :quit. Returns the exit code.
function repl:interact()
  local loop = require "tidelock.loop"
  for _, line in ipairs(self.path and history.read(self.path) or {}) do
    self.editor:remember((line:gsub("\n", " ")))
  end
  local watches = {loop.spawn(watch_interrupts, self), loop.spawn(watch_window, self)}
  while true do
    local text, chunk, why = read_input(self)
    if text == nil then break end
    if text:find "^%s*:" then
      if command(self, text) == "quit" then break end
    elseif text:find "%S" then
      local ok, fault, trace = false, why, nil
      if chunk then ok, fault, trace = self:run(chunk) end
      self.console.flush()
      if not ok then self.say((fault == "interrupted" and "\n" or "") .. repl.describe(fault, trace)) end
      keep(self, text)
    end
  end
  for _, watch in ipairs(watches) do loop.cancel(watch) end
  self.editor:stop()
  return 0
end

-- Output of background tasks goes above the line that is being typed.
local function console_of(self, out, terminal)
  local console = {}
  function console.raw(text)
    out:write(text)
    out:flush()
  end
  function console.write(text)
    if self.typing then
      self.editor:print("\r\27[K" .. text .. (text:sub(-1) == "\n" and "" or "\n"))
    else
      out:write(text)
    end
  end
  function console.flush() out:flush() end
  function console.page(lines)
    if self.typing then return console.write(table.concat(lines, "\n") .. "\n") end
    pager.show(lines, out, terminal)
  end
  return console
end

--- A REPL over `options`: session (options of aws.session), out, say(text), terminal, debug, history (a path), editor.
function repl.new(options)
  local self = setmetatable({debug = options.debug, say = options.say, path = options.history, before = "",
    editor = options.editor}, repl)
  self.console = console_of(self, options.out, options.terminal)
  self.env, self.session = world.new(options.session, self.console)
  return self
end

return repl
