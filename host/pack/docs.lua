--- The documentation of a model as plain text: what `tidelock help sqs create-queue` prints.
local json = require "tidelock.json"

local docs = {}

-- What stands for a tag; for any other, nothing.
local TAGS <const> = setmetatable({
  p = "\n\n", ["/p"] = "\n\n", br = "\n", div = "\n\n", ["/div"] = "\n\n", pre = "\n\n",
  ["/pre"] = "\n\n",
  ul = "\n\n", ["/ul"] = "\n\n", ol = "\n\n", ["/ol"] = "\n\n", dl = "\n\n", ["/dl"] = "\n\n",
  li = "\n- ", ["/li"] = "\n", dt = "\n\n", dd = "\n", ["/dd"] = "\n", tr = "\n", td = " ", th = " ",
  h1 = "\n\n", h2 = "\n\n", h3 = "\n\n", h4 = "\n\n", h5 = "\n\n", ["/h1"] = "\n\n", ["/h2"] = "\n\n",
  ["/h3"] = "\n\n", ["/h4"] = "\n\n", ["/h5"] = "\n\n", note = "\n\n\1Note:", ["/note"] = "\n\n",
  important = "\n\n\1Important:", ["/important"] = "\n\n", code = "`", ["/code"] = "`",
}, {__index = function() return "" end})

local ENTITIES <const> = {
  lt = "<", gt = ">", amp = "&", quot = '"', apos = "'", nbsp = " ", ndash = "-", mdash = "-",
  rsquo = "'", lsquo = "'", ldquo = '"', rdquo = '"', hellip = "...",
}

local function entity(name)
  local code = name:match("^#(%d+)$")
  local hex = name:match("^#[xX](%x+)$")
  local point = code and tonumber(code) or hex and tonumber(hex, 16)
  if point and point <= 0x10FFFF then return utf8.char(point) end
  return ENTITIES[name]
end

--- Plain text of a model's documentation: paragraphs parted by empty lines, items with "- ", `code`.
function docs.text(html)
  local text = html:gsub("[%s\1]+", " "):gsub("<(/?%w+)[^<>]*>", TAGS):gsub("&(#?%w+);", entity)
  text = text:gsub(" *\n *", "\n"):gsub("  +", " "):gsub("` *([^`\n]-) *`", "`%1`")
  text = text:gsub("\n%-\n+", "\n- "):gsub("\1(%a+:)\n+([^%-%s])", "%1 %2"):gsub("\1", "")
  text = text:gsub("\n\n\n+", "\n\n"):gsub("\n\n%- ", "\n- ")
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

-- Texts by name of those rows that have any.
local function texts(rows)
  local out = {}
  for name, row in pairs(rows or {}) do
    if row.documentation and row.documentation ~= "" then out[name] = docs.text(row.documentation) end
  end
  return next(out) and out
end

--- JSON text {about, operations = {Name = text}, shapes = {Name = text}, members = {Shape = {Name = text}}}.
function docs.compile(tbl)
  local members = {}
  for name, shape in pairs(tbl.shapes) do members[name] = texts(shape.members) or nil end
  return json.encode({
    about = docs.text(tbl.documentation or ""), operations = texts(tbl.operations) or nil,
    shapes = texts(tbl.shapes) or nil, members = next(members) and members or nil,
  }, {sort = true})
end

return docs
