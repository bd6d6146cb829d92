--- What was typed, kept for the next time in a file of the owner's own; never a line that may hold a secret.
local history = {}

local KEEP <const> = 1000

-- Words that name a secret where a value is given to them.
local SECRET <const> = {"password", "passwd", "passphrase", "secret", "token", "credential", "privatekey", "accesskey",
  "apikey", "authorization", "signature"}

--- Where it is kept: $XDG_STATE_HOME/tidelock/history, or nil where there is no home.
function history.path(environ)
  local state = environ "XDG_STATE_HOME"
  if state and state ~= "" then return state .. "/tidelock/history" end
  local home = environ "HOME"
  return home and home ~= "" and home .. "/.local/state/tidelock/history" or nil
end

local function names_secret(name)
  local plain = name:lower():gsub("[_%-]", "")
  for _, word in ipairs(SECRET) do
    if plain:find(word, 1, true) then return true end
  end
  return false
end

-- Members that the models call sensitive, of the operations named in the line.
local function sensitive(model, shape, found, open, depth)
  if depth > 6 or open[shape.name] or shape.document then return end
  open[shape.name] = true
  if shape.type == "structure" then
    for _, member in ipairs(shape.members) do
      local inner = model:shape(member.shape)
      if inner.sensitive or member.sensitive then found[member.name] = true end
      sensitive(model, inner, found, open, depth + 1)
    end
  elseif shape.type == "list" then
    sensitive(model, model:shape(shape.member), found, open, depth + 1)
  elseif shape.type == "map" then
    sensitive(model, model:shape(shape.value), found, open, depth + 1)
  end
end

local function by_models(line, models)
  for service, name in line:gmatch "[%.%]]?%s*([%w_]+)%s*:%s*([%w_]+)" do
    local model = models.service((service:gsub("_", "-")))
    local op = model and (model:operation(name)
      or model:operation(line:match(":%s*" .. name .. "%s*%(%s*[\"']([%w_%-]+)[\"']") or ""))
    local shape = op and op:input_shape()
    if shape then
      local found = {}
      sensitive(model, shape, found, {}, 1)
      for member in pairs(found) do
        if line:find("%f[%w_]" .. member .. "%f[^%w_]") then return true end
      end
    end
  end
  return false
end

--- Whether the line may be kept: not if it begins with a blank, or names or looks like a secret.
function history.may_keep(line, models)
  if line:find "^%s" or line == "" then return false end
  if line:find "A[KS]IA%u%w%w%w%w%w%w%w%w%w%w%w" then return false end
  for name in line:gmatch "([%w_%-]+)[\"']?%s*%]?%s*=[^=]" do
    if names_secret(name) then return false end
  end
  if line:find "secret[%w_.]*%s*%(?%s*[\"'%[]" or line:find "reveal" then return false end
  for word in line:gmatch "[%w/+]+" do                        -- as long as a secret key, and as mixed
    if #word >= 40 and word:find "%l" and word:find "%u" and word:find "%d" and not word:find "^%x+$" then
      return false
    end
  end
  if line:find "://[^/%s\"']*:[^/%s\"']*@" then return false end
  return not by_models(line, models)
end

-- A line of the input with more lines in it goes on after a backslash at the end.
local function encode(line) return (line:gsub("\n", "\\\n")) .. "\n" end

local function decode(text)
  local out, open = {}, nil
  for line in text:gmatch "([^\n]*)\n" do
    local more = line:match "^(.*)\\$"
    open = (open and open .. "\n" or "") .. (more or line)
    if not more then
      if open ~= "" then out[#out + 1] = open end
      open = nil
    end
  end
  return out
end

--- The lines kept at `path`, oldest first; none where there is no file. Cuts a file that has grown too long.
function history.read(path)
  local fs = require "tidelock.fs"
  local file = io.open(path, "rb")
  if not file then return {} end
  local lines = decode(file:read "a" or "")
  file:close()
  if #lines > 2 * KEEP then
    lines = table.move(lines, #lines - KEEP + 1, #lines, 1, {})
    local texts = {}
    for i, line in ipairs(lines) do texts[i] = encode(line) end
    fs.write(path, table.concat(texts), tonumber("600", 8))
  end
  return lines
end

--- Appends a line. Returns true, or nil and why it could not be kept.
function history.add(path, line)
  local fs = require "tidelock.fs"
  local ok, err = fs.mkdir(path:match "^(.*)/")
  if not ok then return nil, err end
  local file
  file, err = fs.append(path)
  if not file then return nil, err end
  local _ <close> = file
  return file:write(encode(line))
end

return history
