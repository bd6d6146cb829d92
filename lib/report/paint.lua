--- Colour, where a person looks on: plain text everywhere else.
local paint = {}
paint.__index = paint

local CODES <const> = {bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", magenta = "35",
  cyan = "36"}

--- A painter; with `on` false it leaves text as it is.
function paint.new(on) return setmetatable({on = on}, paint) end

--- The text in a colour (or bold, dim).
function paint:text(color, text)
  if not self.on then return text end
  return ("\27[%sm%s\27[0m"):format(CODES[color], text)
end

--- How many columns the text takes, as near as its characters tell.
function paint.width(text) return utf8.len(text) or #text end

--- The text filled with blanks to so many columns.
function paint.pad(text, width) return text .. (" "):rep(width - paint.width(text)) end

return paint
