--- What a command works with: streams, colour, and a session made of the command line's options when first asked for.
local visible = require "visible"

local context = {}
context.__index = context

--- A context for parsed `args` and streams.
function context.new(args, streams)
  return setmetatable({args = args, out = streams.out, err = streams.err, input = streams.input}, context)
end

local function is_terminal(stream, name)
  if stream ~= io[name] then return false end
  local ok, tty = pcall(require, "tidelock.tty")
  return ok and tty.is(name)
end

-- A pipe gets every byte; a terminal would obey some.
local function for_people(self)
  if self.out_is_terminal == nil then self.out_is_terminal = is_terminal(self.out, "stdout") end
  return self.out_is_terminal
end

--- Writes to standard output, where results go.
function context:write(...)
  if not for_people(self) then return self.out:write(...) end
  local parts, shown = table.pack(...), self.painter and self.painter.on and visible.painted or visible.text
  for i = 1, parts.n do parts[i] = shown(tostring(parts[i])) end
  return self.out:write(table.unpack(parts, 1, parts.n))
end

function context:flush() return self.out:flush() end

--- Prints lines of a result.
function context:print(lines)
  if type(lines) == "string" then lines = {lines} end
  for _, line in ipairs(lines) do self:write(line, "\n") end
end

--- Prints data as JSON: all of it, or what --query selects.
function context:print_json(data)
  if self.args.query then
    local selected, err = require "aws.jmespath".search(self.args.query, data)
    if err then
      error({exit = 64, code = "Query", message = ("--query %q: %s"):format(self.args.query, err.message)}, 0)
    end
    data = selected == nil and require "tidelock.json".null or selected
  end
  self:print(require "tidelock.json".encode(data, {indent = 2, sort = true}))
end

--- Says something to the person: standard error, never part of a result. What was printed before comes before it, also
-- where both go into one file.
function context:say(text, ...)
  if select("#", ...) > 0 then text = text:format(...) end
  if self.foot then return self.foot:say(visible.text(text)) end      -- what is drawn there is drawn over
  self.out:flush()
  self.err:write(visible.text(text), "\n")
end

local function set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= ""
end

--- A painter for standard output: colour only on a terminal, unless NO_COLOR, CI or --no-color say otherwise.
function context:paint()
  if not self.painter then
    local on = is_terminal(self.out, "stdout") and not (self.args.no_color or set "NO_COLOR" or set "CI"
      or os.getenv "TERM" == "dumb")
    self.painter = require "report.paint".new(on)
  end
  return self.painter
end

--- Whether a person watches what is said: lines may be drawn over.
function context:is_watched()
  return is_terminal(self.err, "stderr") and not (self.args.output == "json" or set "CI" or os.getenv "TERM" == "dumb")
end

--- Whether a person sits at the terminal and can be asked.
function context:can_ask()
  if set "CI" then return false end
  return is_terminal(self.input, "stdin") and is_terminal(self.err, "stderr")
end

--- Asks; returns the line typed, or nil at its end.
function context:ask(question)
  self.out:flush()
  self.err:write(visible.text(question))
  self.err:flush()
  if self.input == io.stdin then require "tidelock.tty".wait() end
  return self.input:read "l"
end

--- Whether --output json was given.
function context:wants_json() return self.args.output == "json" end

--- A session of the options. `region` is used where no flag gives one.
function context:session(region, transport)
  if not self.made then
    local args = self.args
    self.made = require "aws".session {profile = args.profile, region = args.region or region,
      endpoint_url = args.endpoint_url, transport = transport}
  end
  return self.made
end

return context
