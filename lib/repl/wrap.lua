--- Text to the width of a window: words are never cut, items with "- " hang, characters count, not bytes.
local wrap = {}

local function width_of(text) return utf8.len(text) or #text end

-- One paragraph, its first line after `first`, the others after `other`.
local function paragraph(out, text, first, other, width)
  local line, size = first, width_of(first)
  local empty = true
  for word in text:gmatch "%S+" do
    local w = width_of(word)
    if not empty and size + 1 + w > width then
      out[#out + 1] = line
      line, size, empty = other, width_of(other), true
    end
    line = line .. (empty and "" or " ") .. word
    size = size + w + (empty and 0 or 1)
    empty = false
  end
  if not empty then out[#out + 1] = line end
end

--- Lines of `text`, each after `indent`, none longer than `width` unless one word is.
function wrap.lines(text, indent, width)
  local out = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if line:find "^%s*$" then
      out[#out + 1] = ""
    else
      local mark = line:match "^%s*%- " or ""
      paragraph(out, line:sub(#mark + 1), indent .. mark, indent .. (" "):rep(#mark), width)
    end
  end
  while out[#out] == "" do out[#out] = nil end
  return out
end

--- Words in columns as `ls` puts them, each line after `indent`.
function wrap.columns(words, indent, width)
  local widest = 1
  for _, word in ipairs(words) do widest = math.max(widest, width_of(word)) end
  local across = math.max(1, (width - #indent + 2) // (widest + 2))
  local rows = (#words + across - 1) // across
  local out = {}
  for r = 1, rows do
    local line = indent
    for c = 0, across - 1 do
      local word = words[c * rows + r]
      if word then line = line .. word .. (" "):rep(widest + 2 - width_of(word)) end
    end
    out[r] = line:gsub("%s+$", "")
  end
  return out
end

return wrap
