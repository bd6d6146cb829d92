--- What is being done right now, a line a resource at the foot of a terminal; what is done scrolls away above it.
local visible = require "visible"

local live = {}
live.__index = live

local MOST <const> = 12                    -- lines at the foot
local EVERY <const> = 0.2                  -- seconds between two drawings

local DOING <const> = {create = "creating", update = "updating", replace = "replacing", delete = "deleting"}

--- A display on the stream `out`. `size()` tells the columns and lines of the window.
function live.new(out, painter, size)
  return setmetatable({out = out, painter = painter, size = size or function() return 80, 24 end, active = {},
    drawn = 0}, live)
end

local function now() return require "tidelock.loop".now() end

local function columns(text) return utf8.len(text) or #text end

-- The first columns of a text, with a mark where it is cut.
local function cut(text, width)
  if columns(text) <= width then return text end
  if width < 1 then return "" end
  return text:sub(1, (utf8.offset(text, width) or width) - 1) .. "~"
end

-- What is done and for how long stays to be seen in a narrow window; the name is cut, then what stands before it.
local function line(self, row, width)
  local behind = ("  %s, %d s"):format(row.doing, math.floor(now() - row.began))
  local text = "    " .. visible.line(row.what)
  if columns(text) + columns(behind) > width then behind = behind:gsub("^  %a+,", "") end
  return self.painter:text("dim", cut(cut(text, width - columns(behind)) .. behind, width))
end

--- Takes the foot away, so that something else can be written.
function live:clear()
  if self.drawn == 0 then return end
  self.out:write(("\27[%dA\r\27[J"):format(self.drawn))
  self.out:flush()
  self.drawn = 0
end

function live:draw()
  self:clear()
  local out, width, height = {}, self.size()
  local most = math.max(1, math.min(MOST, height - 2))         -- what scrolled out at the top cannot be drawn over
  for i, row in ipairs(self.active) do
    if i > most then
      out[#out + 1] = self.painter:text("dim", cut(("    and %d more"):format(#self.active - most), width - 1))
      break
    end
    out[i] = line(self, row, width - 1)
  end
  if #out == 0 then return end
  self.out:write(table.concat(out, "\n"), "\n")
  self.out:flush()
  self.drawn = #out
end

-- Draws while something is going on, and ends by itself.
local function tick(self)
  self.ticking = true
  require "tidelock.loop".spawn(function()
    while #self.active > 0 do
      require "tidelock.loop".sleep(EVERY)
      if #self.active > 0 then self:draw() end
    end
    self.ticking = false
  end)
end

local function begin(self, key, what, doing)
  self.active[#self.active + 1] = {key = key, what = what, doing = doing, began = now()}
  if not self.ticking then tick(self) end
end

local function finish(self, key)
  for i, row in ipairs(self.active) do
    if row.key == key then return table.remove(self.active, i) end
  end
end

local FOLLOW <const> = {
  ["resource.start"] = function(self, e) begin(self, e.node, e.node.address, DOING[e.action] or "looking") end,
  ["resource.done"] = function(self, e) finish(self, e.node) end,
  ["resource.fail"] = function(self, e) finish(self, e.node) end,
  ["step.start"] = function(self, e) begin(self, e.name, ("step %q"):format(e.name), "running") end,
  ["step.done"] = function(self, e) finish(self, e.name) end,
  ["step.fail"] = function(self, e) finish(self, e.name) end,
  ["run.end"] = function(self) self.active = {} end,
}

-- Writes above the foot, does what changes it, and draws it again.
local function above(self, text, change)
  local had = self.drawn > 0
  if text then
    self:clear()
    self.out:write(text, "\n")
  end
  if change then change() end
  if had then self:draw() end
end

--- Takes an event, and the line that is to stay of it (or nil).
function live:event(event, text)
  local follow = FOLLOW[event.kind]
  above(self, text, follow and function() follow(self, event) end)
end

--- Writes a text that stays, above what is being done.
function live:say(text) above(self, text) end

return live
