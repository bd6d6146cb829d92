--- Text that a terminal shows and does not obey: what comes from an account, a playbook or a server may hold anything.
local visible = {}

local NAMES <const> = {["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\27"] = "\\e"}

local function code(c) return NAMES[c] or ("\\x%02X"):format(c:byte()) end

local function point(c) return ("\\u{%X}"):format(utf8.codepoint(c)) end

-- Beyond ASCII: the second set of controls, and what turns the direction of writing around.
local function beyond(text)
  if not text:find "[\x80-\xFF]" then return text end
  if not utf8.len(text) then return (text:gsub("[\x80-\xFF]", code)) end
  return (text:gsub("\xC2[\x80-\x9F]", point):gsub("\xE2\x80[\xA8-\xAE]", point):gsub("\xE2\x81[\xA6-\xA9]", point))
end

--- The text with every control character written out; line ends and tabs stay.
function visible.text(text) return (beyond(tostring(text)):gsub("[%z\1-\8\11-\31\127]", code)) end

--- The text on one line: line ends and tabs are written out too.
function visible.line(text) return (beyond(tostring(text)):gsub("%c", code)) end

-- What report.paint uses: a colour, bold or dim, and the end of it. Nothing that hides or turns around.
local PAINT <const> = {["0"] = true, ["1"] = true, ["2"] = true, ["31"] = true, ["32"] = true, ["33"] = true,
  ["34"] = true, ["35"] = true, ["36"] = true}

--- As `text`, for lines in which a painter has put colours: those stay.
function visible.painted(text)
  if not text:find "[%z\1-\8\11-\31\127-\xFF]" then return text end
  local out, at = {}, 1
  for from, color, to in text:gmatch "()\27%[(%d+)m()" do
    if PAINT[color] then
      out[#out + 1] = visible.text(text:sub(at, from - 1))
      out[#out + 1] = ("\27[%sm"):format(color)
      at = to
    end
  end
  out[#out + 1] = visible.text(text:sub(at))
  return table.concat(out)
end

return visible
