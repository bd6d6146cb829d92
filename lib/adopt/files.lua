--- The files of an adopted account: an account file, a playbook a service, and one that includes them all. Pure.
local refs = require "adopt.refs"
local text = require "adopt.text"
local vars = require "playbook.vars"

local files = {}

local LINES <const> = 300                  -- after so many a service's file ends, and another begins
local LOCALS <const> = 150                 -- Lua knows two hundred in one function

-- ## What stands for a text

-- The pieces of a text and what stands between them: the account's number and the region are the account file's.
local function with_place(value, place)
  if value == place.region then return "account.region" end
  local marked = value:gsub("%f[%d]" .. place.id .. "%f[%D]", "\1id\1")
  if value:find "^arn:" or value:find "%.amazonaws%.com" then
    marked = marked:gsub("([:.])" .. place.region:gsub("%p", "%%%0") .. "%f[:.\1]", "%1\1region\1")
  end
  if marked == value then return nil end
  local out, at = {}, 1
  for piece, word, stop in marked:gmatch "([^\1]*)\1(%a+)\1()" do
    if piece ~= "" then out[#out + 1] = text.quoted(piece) end
    out[#out + 1] = "account." .. word
    at = stop
  end
  if at <= #marked then out[#out + 1] = text.quoted(marked:sub(at)) end
  return table.concat(out, " .. ")
end

-- A handle's field, as this file can write it: it stands above, or in a file that is included before.
local function handle(book, file, found)
  local item, field = found.item, found.field
  local home = book.home[item]
  if not home then return nil end                              -- it comes later: a circle
  item.short = item.short or refs.short(item, book.prefix, home.used)
  if home == file then return item.short .. "." .. field end
  local put = field == "arn" and item.short or item.short .. "_" .. field
  home.output[put], file.takes[home.name] = item.short .. "." .. field, true
  return ("var.%s.%s"):format(home.word, put)
end

local function expression(book, file, item)
  return function(value)
    local found, rest = refs.find(book.index, value)
    local named = found and found.item ~= item and handle(book, file, found)
    if named then return rest == "" and named or named .. " .. " .. text.quoted(rest) end
    return with_place(value, book.place)
  end
end

-- ## A resource

local function given_of(item)
  local out = {}
  for name, value in pairs(item.say.given) do out[name] = value end
  out.tags, out.Tags, out.ignore = out.Tags, nil, item.say.ignore
  return out
end

--- The lines that ensure a resource, without what names it.
function files.call(item, stands_for)
  return ("ensure.%s "):format(item.type.type) .. text.value(given_of(item), stands_for, 0, #item.type.type + 24,
    item.type.keys)
end

-- ## A service

local function new_file(book, service, n)
  local name = n == 1 and service or service .. "-" .. n
  local file = {name = name, word = name:gsub("%-", "_"), service = service, blocks = {}, used = {}, output = {},
    takes = {}, lines = 0}
  book.files[#book.files + 1] = file
  return file
end

local function put(book, file, item)
  local block = {item = item, notes = item.say.notes, text = files.call(item, expression(book, file, item))}
  file.blocks[#file.blocks + 1] = block
  book.home[item] = file
  file.lines = file.lines + select(2, block.text:gsub("\n", "\n")) + 1
end

local function fill(book, group)
  local n, file = 1, nil
  for i, item in ipairs(group.items) do
    if not file or file.lines >= LINES or #file.blocks >= LOCALS and i < #group.items then
      file = new_file(book, group.service, n)
      n = n + 1
    end
    put(book, file, item)
  end
end

--- Everything in its file: {files = list, home = {item = file}, index =, ...}. `place` is {id =, region =}.
function files.book(items, place, prefix)
  local groups, index = refs.order(items)
  local book = {files = {}, home = {}, index = index, place = place, prefix = prefix}
  for _, group in ipairs(groups) do fill(book, group) end
  return book
end

local function long(block) return block.text:find "\n" ~= nil or #block.notes > 0 end

-- The blocks of a file: short ones of one type close together, long ones with an empty line around them.
local function body(file)
  local out, before = {}, nil
  for _, block in ipairs(file.blocks) do
    local near = before and before.item.type == block.item.type and not long(before) and not long(block)
    if before and not near then out[#out + 1] = "" end
    for _, note in ipairs(block.notes) do out[#out + 1] = "-- " .. text.line(note) .. "." end
    out[#out + 1] = (block.item.short and "local " .. block.item.short .. " = " or "") .. block.text
    before = block
  end
  return out
end

local function outputs(file)
  if next(file.output) == nil then return {} end
  return {"", "output " .. text.value(file.output, function(value) return value end, 0, 7)}
end

local function takes(file)
  local out = {}
  for _, name in ipairs(vars.names(file.takes)) do
    out[#out + 1] = ("%s = {\"map\", about = \"what %s.lua puts out\"}"):format(name:gsub("%-", "_"), name)
  end
  if #out == 0 then return "" end
  return "\n  vars = {\n    " .. table.concat(out, ",\n    ") .. ",\n  },"
end

-- One file of a service.
local function service_text(file)
  local lines = {
    ("--- %d resource%s of %s as found. Part of adopted.lua, which includes it."):format(#file.blocks,
      #file.blocks == 1 and "" or "s", file.service),
    "playbook {",
    ('  name = "adopted/%s",'):format(file.name),
    ('  about = "What there is of %s",'):format(file.service),
    "  owns = false," .. takes(file),
    "}", ""}
  for _, list in ipairs {body(file), outputs(file)} do table.move(list, 1, #list, #lines + 1, lines) end
  return table.concat(lines, "\n") .. "\n"
end

-- ## All of it

local function includes(book)
  local out, wanted = {}, {}
  for _, file in ipairs(book.files) do
    for name in pairs(file.takes) do wanted[name] = true end
  end
  for _, file in ipairs(book.files) do
    local given = {}
    for i, name in ipairs(vars.names(file.takes)) do
      local word = name:gsub("%-", "_")
      given[i] = ("%s = %s"):format(word, word)
    end
    out[#out + 1] = (wanted[file.name] and "local " .. file.word .. " = " or "")
      .. (#given == 0 and ('include "%s"'):format(file.name)
        or ('include("%s", {%s})'):format(file.name, table.concat(given, ", ")))
  end
  return out
end

-- Why things are not in it, each reason once with all that it is true of.
local function left_lines(left)
  local out, by, order = {}, {}, {}
  for _, item in ipairs(left) do
    local key = (item.kind or item.type.type) .. "\0" .. item.why
    if not by[key] then
      by[key] = {}
      order[#order + 1] = key
    end
    table.insert(by[key], item.name)
  end
  for _, key in ipairs(order) do
    local kind, why = key:match "^(.-)%z(.*)$"
    local names = by[key]
    table.sort(names)
    table.move(text.comment(("--  %s (%d), because %s:"):format(kind, #names, why), names), 1, 9999, #out + 1, out)
  end
  return out
end
files.left_lines = left_lines

--- What could not be looked at, each reason once with the first that it is true of.
function files.failed_lines(failed)
  local out, by = {}, {}
  for _, item in ipairs(failed) do
    local key = item.type.type .. "\0" .. item.error
    if by[key] then
      by[key].n = by[key].n + 1
    else
      by[key] = {n = 0, item = item}
      out[#out + 1] = by[key]
    end
  end
  for i, row in ipairs(out) do
    out[i] = text.line(("%s%s: %s"):format(row.item.address, row.n > 0 and (" and %d more"):format(row.n) or "",
      row.item.error))
  end
  return out
end

--- The playbook that includes all others. `about`: account, folder, day, n (how many), left, failed.
function files.main(book, about)
  local lines = {
    ("--- Account %s in %s as it was on %s: %d resources. What to do next:"):format(book.place.id, book.place.region,
      about.day, about.n),
    ("--    tidelock plan %s/adopted.lua --account %s/account.lua"):format(about.folder, about.folder),
    "-- says that there is nothing to do; later it says what is no longer so, and `tidelock drift` who changed it.",
    "-- A property that does not stand here is left alone. Take out what you do not want to hold.",
    "-- It owns nothing: no tag is set, and neither destroy nor --prune deletes any of it. Without the lines",
    "-- `owns = false` the next apply tags what is in that file, and tidelock owns it.",
    'playbook {', '  name = "adopted",', '  about = "What there is in the account",', "  owns = false,", "}", ""}
  local function add(list) table.move(list, 1, #list, #lines + 1, lines) end
  add(includes(book))
  if #about.failed > 0 then add {"", "-- Could not be looked at, and is not in it:"} end
  for _, line in ipairs(files.failed_lines(about.failed)) do lines[#lines + 1] = "--  " .. line end
  if #about.left > 0 then add {"", "-- Not adopted:"} end
  add(left_lines(about.left))
  return table.concat(lines, "\n") .. "\n"
end

--- Name and text of each service's file.
function files.services(book)
  local out = {}
  for i, file in ipairs(book.files) do out[i] = {name = file.name .. ".lua", text = service_text(file)} end
  return out
end

--- All of it in one text, for a person to look at: no files, so no vars and no outputs.
function files.together(items, place, prefix)
  local groups, index = refs.order(items)
  local book = {files = {}, home = {}, index = index, place = place, prefix = prefix}
  local file = new_file(book, "all", 1)
  for _, group in ipairs(groups) do
    for _, item in ipairs(group.items) do put(book, file, item) end
  end
  return table.concat(body(file), "\n")
end

return files
