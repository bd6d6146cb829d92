--- Account files: names, thresholds and addresses of one account, held to a schema before anything is sent.
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local suggest = require "suggest"
local textfile = require "playbook.textfile"
local vars = require "playbook.vars"
local words = require "playbook.accountwords"

local account = {}

-- What an account file may say. A word is a type; {} with members is a table; {"list", word}; {"map", word}.
local SCHEMA <const> = {
  name = "string", prefix = "prefix", env = "string", region = "region", id = "account", domain = "string",
  tags = {"map", "string"},
  emails = {ops = "string", security = "string", costs = "string"},
  slack = {webhook_secret = "string", channel = "string", workspace = "string"},
  budget = {limit = "amount", currency = "string", forecast_percent = "amount", actual_percent = "amount"},
  anomaly = {threshold = "number"},
  database = "string", redis = "string", redis_old = "string", clusters = {"list", "string"},
  services = {"list", "string"}, buckets = {"list", "string"}, tables = {"list", "string"},
  log_groups = {"list", "string"}, vpc = "string", subnets = {"list", "string"},
  security_groups = {"list", "string"}, consumer = "consumer", thresholds = {"map", "number"},
  limiter = {url = "string", verify = "string", site_secret = "string", redis = "string", redis_secret = "string",
    limit = "number", window = "number", burst = "number", timeout = "number", lag = "number", tries = "number",
    subnets = {"list", "string"}, security_groups = {"list", "string"}},
  suppressions = {"list", {control = "string", subject = "string", reason = "string", owner = "string",
    expires = "string"}},
  notify = {topic = "string", slack = "boolean", webhooks = {"list", "string"}, security_hub = "boolean",
    table = "table"},
  custom = "any",
}
local REQUIRED <const> = {"prefix", "env"}

local test

local function test_list(add, spec, value, path)
  if type(value) ~= "table" then return add(path, "must be a list") end
  for key, item in pairs(value) do
    if math.type(key) ~= "integer" then
      return add(path, ("must be a list, but has the key %s"):format(tostring(key)))
    end
    test(add, spec[2], item, ("%s[%d]"):format(path, key))
  end
end

local function test_map(add, spec, value, path)
  if type(value) ~= "table" then return add(path, "must be a table of names and values") end
  for key, item in pairs(value) do test(add, spec[2], item, path .. "." .. tostring(key)) end
end

local function test_members(add, spec, value, path)
  if type(value) ~= "table" then return add(path, "must be a table") end
  for _, key in ipairs(vars.names(value)) do
    local inner = path == "" and tostring(key) or path .. "." .. tostring(key)
    if spec[key] then
      test(add, spec[key], value[key], inner)
    else
      add(inner, "is not known in an account file" .. suggest.phrase(key, vars.names(spec))
        .. "; what is your own goes under custom = {}", key)
    end
  end
end

function test(add, spec, value, path)
  if type(spec) == "string" then
    local why = words[spec](value)
    if why then add(path, why) end
  elseif spec[1] == "list" then
    test_list(add, spec, value, path)
  elseif spec[1] == "map" then
    test_map(add, spec, value, path)
  else
    test_members(add, spec, value, path)
  end
end

-- The line where a name is given, behind that of the table it is in, so that a fault of data has a place too.
local function line_of(text, path)
  local words_of, found, n = {}, nil, 0
  for word in path:gmatch "%f[%w_][%a_][%w_]*" do words_of[#words_of + 1] = word end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    n, line = n + 1, line:gsub("%-%-.*", "")
    while words_of[1] and line:find("%f[%w_]" .. words_of[1] .. "%f[^%w_]%s*=") do
      table.remove(words_of, 1)
      found = n
    end
  end
  return found
end

--- Faults of an account's table: a list of {path=, message=}.
function account.faults(data)
  local out = {}
  local function add(path, message) out[#out + 1] = {path = path, message = message} end
  if type(data) ~= "table" then
    add("", "an account file must return a table: return {prefix = ..., env = ...}")
    return out
  end
  test(add, SCHEMA, data, "")
  for _, name in ipairs(REQUIRED) do
    if data[name] == nil then add(name, "is missing") end
  end
  return out
end

--- The names that an account file may give.
function account.names() return vars.names(SCHEMA) end

-- The names of the account files in the folders of these paths.
local function names_beside(paths)
  local out = {}
  for _, path in ipairs(paths) do
    for _, found in ipairs(textfile.beside(path)) do out[#out + 1] = found end
  end
  return out
end

--- The file that `--account` means: a path, or a name in an accounts/ folder beside or above the playbook.
function account.find(name, playbook_path)
  if name:find "%.lua$" or name:find "/" then return name end
  local tried, dir = {}, playbook_path:match "^(.*)/[^/]*$" or "."
  for _, base in ipairs {dir, dir .. "/..", dir .. "/../..", "playbooks", "."} do
    local path = base .. "/accounts/" .. name .. ".lua"
    if textfile.is_there(path) then return textfile.short(path) end
    path = textfile.plain(path)
    if not tried[path] then
      tried[path] = true
      tried[#tried + 1] = path
    end
  end
  fault.fail(64, "There is no account file called %q%s: looked for %s. Give its path with --account PATH.", name,
    suggest.phrase(name, names_beside(tried)):gsub("^;", ","):gsub("%?$", ""), table.concat(tried, ", "))
end

--- Loads an account file: its data, its text. Raises all faults of it at once.
function account.load(path)
  local text, why = textfile.read(path)
  if not text then fault.fail(64, "The account file cannot be read: %s. Give another with --account PATH.", why) end
  local env = {days = function(n) return n * 86400 end, hours = function(n) return n * 3600 end,
    minutes = function(n) return n * 60 end}
  local list = fault.list()
  local chunk, err = load(text, "@" .. path, "t", env)
  if not chunk then
    fault.add(list, path, math.tointeger(tonumber(err:match ":(%d+):")), (err:gsub("^.-:%d+: ", "")))
    fault.raise(list)
  end
  local ok, data = guard.call(nil, chunk)
  if not ok then
    data = tostring(data):gsub(" %(%-%-max%-instructions.*$", "")    -- it raises no limit of an account file
    fault.add(list, path, math.tointeger(tonumber(tostring(data):match ":(%d+):")),
      (tostring(data):gsub("^.-:%d+: ", "")))
    fault.raise(list)
  end
  for _, f in ipairs(account.faults(data)) do
    fault.add(list, path, line_of(text, f.path), (f.path .. " " .. f.message):match "^%s*(.*)$")
  end
  fault.raise(list)
  return data, text
end

return account
