--- What a scheduled task runs, as one text: the playbook, what it includes, its account file and its vars. It is called
-- by its own hash, so that a run which began with an older one finds that again.
local fault = require "playbook.fault"

local bundle = {}

local FORMAT <const> = "tidelock.bundle/1"

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then fault.fail(66, "%s cannot be read, which the schedule has to take along.", why) end
  local text = file:read "a"
  file:close()
  return text
end

-- ## Paths: all under the folder that they have in common

local function parts(path)
  local out = {}
  for part in path:gmatch "[^/]+" do out[#out + 1] = part end
  return out
end

local function common(paths)
  local first = parts(paths[1])
  local n = #first - 1
  for _, path in ipairs(paths) do
    local other, same = parts(path), 0
    while same < n and same < #other - 1 and other[same + 1] == first[same + 1] do same = same + 1 end
    n = same
  end
  return n
end

local function below(path, n) return table.concat(parts(path), "/", n + 1) end

local function folder_of(path) return path:match "^(.*)/[^/]*$" or "." end

-- What is found from the playbook's folder, and from the folders of what is found.
local function reached(sources, main)
  local out, folders, more = {[main] = true}, {folder_of(main)}, true
  while more do
    more = false
    for _, path in pairs(sources) do
      for _, folder in ipairs(out[path] and {} or folders) do
        if path:sub(1, #folder + 1) == folder .. "/" then
          out[path], more = true, true
          folders[#folders + 1] = folder_of(path)
          break
        end
      end
    end
  end
  return out
end

-- An include that was found only because of the folder in which the command was started would not be found in the task.
local function check_reach(sources, main)
  local near = reached(sources, main)
  for _, path in pairs(sources) do
    if not near[path] then
      fault.fail(64, "%s includes %s by way of the folder that you are in, which a task on ECS does not have. Put it"
        .. " beside the playbook, or into the playbooks/ that holds it.", main, path)
    end
  end
end

local function check_vars(loaded)
  for name, spec in pairs(loaded.program.header.vars or {}) do
    if spec[1] == "secret" and loaded.given_vars[name] ~= nil then
      fault.fail(64, "The var %s is a secret of this machine's environment, which a task on ECS does not have. Keep it"
        .. " in Secrets Manager, and let the playbook take it from there.", name)
    end
  end
end

--- The bundle of a loaded playbook that `engine` has declared: {hash, text}. `options` are the runs' own.
function bundle.make(loaded, engine, name, options)
  local fs = require "tidelock.fs"
  check_vars(loaded)
  check_reach(engine.sources, loaded.path)
  local absolute, paths = {}, {}
  for _, path in pairs(engine.sources) do absolute[path] = assert(fs.realpath(path)) end
  if loaded.account_path then absolute[loaded.account_path] = assert(fs.realpath(loaded.account_path)) end
  for _, path in pairs(absolute) do paths[#paths + 1] = path end
  table.sort(paths)
  local n, files = common(paths), {}
  for _, path in ipairs(paths) do files[below(path, n)] = read(path) end
  local text = require "tidelock.json".encode({format = FORMAT, name = name, files = files,
    playbook = below(absolute[loaded.path], n), vars = loaded.given_vars, options = options,
    account = loaded.account_path and below(absolute[loaded.account_path], n) or nil}, {sort = true})
  local digest = require "tidelock.digest"
  return {hash = digest.hex(digest.sha256(text)), text = text}
end

--- Where a bundle lies under a store's prefix.
function bundle.key(name, hash) return ("schedules/%s/%s.json"):format(name, hash) end

-- ## In the task

local function check(text, hash)
  local digest, json = require "tidelock.digest", require "tidelock.json"
  if digest.hex(digest.sha256(text)) ~= hash then
    fault.fail(65, "The bundle %s in the store is not what was put there. Add the schedule again.", hash)
  end
  local data = json.decode(text)
  if type(data) ~= "table" or data.format ~= FORMAT then
    fault.fail(65, "The bundle %s is of another version of tidelock. Add the schedule again.", hash)
  end
  return data
end

local function put(path, text)
  local fs = require "tidelock.fs"
  local ok, err = fs.mkdir((path:match "^(.*)/"))
  if ok then ok, err = fs.write(path, text) end
  if not ok then
    fault.fail(69, "The bundle cannot be unpacked: %s. The task needs a folder that it can write to; give it with"
      .. " TIDELOCK_WORK=FOLDER.", err.message)
  end
end

--- Unpacks a bundle under `folder`: {playbook = path, account = path or nil, vars =, options =, name =}.
function bundle.unpack(text, hash, folder)
  local data = check(text, hash)
  local at = folder .. "/" .. hash
  for path, content in pairs(data.files) do
    if path:find("..", 1, true) or path:sub(1, 1) == "/" then
      fault.fail(65, "The bundle %s holds a file outside of itself, %s.", hash, path)
    end
    put(at .. "/" .. path, content)
  end
  return {playbook = at .. "/" .. data.playbook, account = data.account and at .. "/" .. data.account, vars = data.vars,
    name = data.name, options = data.options or {}}
end

--- The hash in the path of an unpacked file, or nil.
function bundle.hash_of(path, folder)
  local rest = path and path:sub(1, #folder + 1) == folder .. "/" and path:sub(#folder + 2)
  return rest and rest:match "^(%x+)/" or nil
end

return bundle
