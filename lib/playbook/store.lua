--- Where runs, their journals and locks are kept: local files, under the user's own state folder.
local fault = require "playbook.fault"
local journal_of = require "playbook.journal"

local store = {}
store.__index = store
store.words = ""                               -- what a command is told of the place of runs: it is the usual one

local function root()
  local own = os.getenv "TIDELOCK_STATE"
  if own and own ~= "" then return own end
  local state = os.getenv "XDG_STATE_HOME"
  if state and state ~= "" then return state .. "/tidelock" end
  local home = os.getenv "HOME"
  if home and home ~= "" then return home .. "/.local/state/tidelock" end
  fault.fail(64, "There is no place for the journal of runs: HOME is not set. Nothing was done. Say where with"
    .. " TIDELOCK_STATE=FOLDER, or keep runs in the account with --store s3://BUCKET/PREFIX.")
end

local function check(value, err, what)
  if value then return value end
  fault.fail(69, "%s: %s. Give another place with TIDELOCK_STATE=FOLDER.", what, err.message)
end

local function fs() return require "tidelock.fs" end

--- The local store; its folders are made when something is first kept.
function store.open(path) return setmetatable({root = path or root()}, store) end

function store:folder(name)
  local path = self.root .. "/" .. name
  local ok, err = fs().mkdir(path)
  check(ok, err, "The state folder cannot be made")
  return path
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- A new run's id: when it began, to the millisecond, and enough chance that two never meet.
function store.new_id()
  local digest, time = require "tidelock.digest", require "tidelock.loop".time()
  local whole = math.floor(time)
  return ("%s%03d-%s"):format(os.date("!%Y%m%d-%H%M%S", whole), math.floor((time - whole) * 1000),
    digest.hex(digest.random(2)))
end

local function append(path)
  local file, err = fs().append(path)
  return check(file, err, "The journal cannot be opened")
end

--- A new journal.
function store:create(id)
  local journal = journal_of.new(append(self:folder("runs/" .. id) .. "/journal.jsonl"))
  journal.run = id
  return journal
end

function store:journal_path(id) return self.root .. "/runs/" .. id .. "/journal.jsonl" end

--- The records of a run, or nil.
function store:records(id)
  local text = read(self:journal_path(id))
  if not text then return nil end
  return journal_of.parse(text)
end

--- Records enough for a list: the first, and those at the end.
function store:outline(id) return self:records(id) end

--- An earlier run's journal, to go on with; a line cut by a kill is closed, so that the next stands alone.
function store:reopen(id)
  local path = self:journal_path(id)
  local text = read(path)
  if not text then return nil end
  local modified = (fs().stat(path) or {}).modified
  local file = append(path)
  if text ~= "" and text:sub(-1) ~= "\n" then
    local ok, err = file:write "\n"
    check(ok, err, "The journal cannot be written")
  end
  local journal = journal_of.new(file, (journal_of.parse(text)))
  journal.run, journal.modified = id, modified
  return journal
end

--- Ids of all runs, the newest first.
function store:runs()
  local names, err = fs().list(self.root .. "/runs")
  if not names and err.code ~= "missing" then check(nil, err, "The runs cannot be listed") end
  names = names or {}
  table.sort(names, function(a, b) return a > b end)
  return names
end

--- The one run that a word means: an id, its beginning or end, or "last".
function store:resolve(word)
  local names = self:runs()
  if word == "last" then return names[1] end
  local found
  for _, name in ipairs(names) do
    if name == word then return name end
    if name:sub(1, #word) == word or name:sub(-#word) == word then
      if found then fault.fail(64, "%q means more than one run (%s, %s): give more of it.", word, found, name) end
      found = name
    end
  end
  return found
end

-- ## What is remembered from run to run

--- The text kept under a name, or nil.
function store:recall(name) return read(self.root .. "/memory/" .. name:gsub("[^%w%-_.]", "_")) end

--- Keeps a text under a name, in place of what was there.
function store:keep(name, text)
  local ok, err = fs().write(self:folder "memory" .. "/" .. name:gsub("[^%w%-_.]", "_"), text)
  check(ok, err, "The state folder cannot be written")
end

-- ## Locks and open runs

local function file_name(key) return (key:gsub("[^%w%-_.]", "_")) end

--- Takes the lock of `key` (an account and region) for a run; raises a sentence that names the holder.
function store:lock(key, info)
  local path = self:folder "locks" .. "/" .. file_name(key) .. ".lock"
  local file, err = fs().lock(path)
  if not file then
    if err.code ~= "locked" then check(nil, err, "The lock cannot be taken") end
    local held = require "tidelock.json".decode(read(path .. ".json") or "") or {}
    fault.fail(69, "Another run is writing to %s: run %s on %s since %s (process %s). Wait until it has ended; see"
      .. " it with: tidelock runs %s", key, held.run or "?", held.host or "?", held.start or "?",
      tostring(held.pid or "?"), held.run or "")
  end
  fs().write(path .. ".json", require "tidelock.json".encode(info, {sort = true}) .. "\n")
  return file
end

--- Notes that a run of a playbook with steps has begun and not ended, or (nil) that it has.
function store:mark_open(key, info)
  local path = self:folder "open" .. "/" .. file_name(key) .. ".json"
  if info == nil then
    os.remove(path)
  else
    local ok, err = fs().write(path, require "tidelock.json".encode(info, {sort = true}) .. "\n")
    check(ok, err, "The state folder cannot be written")
  end
end

--- The run of that playbook that has not ended, or nil.
function store:open_run(key)
  local text = read(self.root .. "/open/" .. file_name(key) .. ".json")
  return text and require "tidelock.json".decode(text) or nil
end

return store
