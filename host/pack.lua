-- pack.lua -- turns botocore's data into the model pack that the program links (modules/pack.h).
-- usage: tidelua-stage host/pack.lua DATA OUT
local json = require "tidelock.json"
local zstd = require "tidelock.zstd"
local endpoint = require "pack.endpoint"
local model = require "pack.model"
local order = require "pack.order"

local MAGIC <const>, VERSION <const> = 0x504c4454, 1
local LEVEL <const> = 19                    -- of zstd: the pack is built once and read for ever
local DICTIONARY <const> = 112 * 1024       -- bytes: what zstd itself takes for a good size
local HEADER <const> = "<" .. ("I4"):rep(10)
local ENTRY <const> = "<" .. ("I4"):rep(11)

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read("a")
  file:close()
  return text
end

local function decode(path)
  local text = read(path)
  if not text then return nil end
  local value, err = json.decode(text)
  if value == nil then error(("%s is not JSON: %s"):format(path, err and err.message or "?"), 0) end
  return value, text
end

local function merge(into, from)
  for key, value in pairs(from) do
    if type(value) == "table" and type(into[key]) == "table" then merge(into[key], value)
    else into[key] = value end
  end
end

-- A data file with botocore's own additions to it (NAME.sdk-extras.json) merged in.
local function load(folder, name)
  local value, text = decode(("%s/%s.json"):format(folder, name))
  local extras = value and decode(("%s/%s.sdk-extras.json"):format(folder, name))
  if extras then merge(value, extras.merge or {}) end
  return value, text
end

--- The newest folder of every service: {name, folder} sorted by name.
local function find(data)
  local newest = {}
  local quoted = "'" .. data:gsub("'", "'\\''") .. "'"
  local list <close> = assert(io.popen("find " .. quoted .. " -name service-2.json"))
  for path in list:lines() do
    local folder, name, version = path:match("^(.*/([^/]+)/([^/]+))/service%-2%.json$")
    if name and (not newest[name] or newest[name].version < version) then
      newest[name] = {name = name, version = version, folder = folder}
    end
  end
  local services = {}
  for _, service in pairs(newest) do services[#services + 1] = service end
  table.sort(services, function(a, b) return a.name < b.name end)
  return services
end

local function compilerules(rules, folder)
  if not rules then return nil end
  local ok, bytes = pcall(endpoint.compile, rules)
  if not ok then
    error(("the endpoint rules in %s do not compile: %s"):format(folder, tostring(bytes)), 0)
  end
  return bytes
end

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

local function compile(service)
  local folder = service.folder
  local tbl, text = load(folder, "service-2")
  local metadata = model.metadata(tbl)
  service.bytes = model.compile(tbl, {
    endpoint = compilerules(load(folder, "endpoint-rule-set-1"), folder),
    paginators = load(folder, "paginators-1"), waiters = load(folder, "waiters-2"),
    order = order.members(text, tbl),
  })
  service.nops = count(tbl.operations)
  service.facts = {
    metadata.serviceId, metadata.serviceFullName or metadata.serviceId, metadata.endpointPrefix,
    metadata.signingName or metadata.endpointPrefix, metadata.apiVersion, metadata.protocol,
  }
end

-- Where each service has endpoints: regions by partition and endpoint prefix.
local function regions(data)
  local all = {}
  for _, partition in ipairs(decode(data .. "/endpoints.json").partitions) do
    local services = {}
    for prefix, service in pairs(partition.services) do
      local list = {}
      for region in pairs(service.endpoints or {}) do
        if partition.regions[region] then list[#list + 1] = region end
      end
      table.sort(list)
      if #list > 0 then services[prefix] = list end
    end
    all[partition.partition] = services
  end
  return json.encode(all, {sort = true})
end

local function datafiles(data)
  local function text(name)
    return json.encode(decode(("%s/%s.json"):format(data, name)), {sort = true})
  end
  return {
    {name = "defaults", bytes = text "sdk-default-configuration"},
    {name = "partitions", bytes = text "partitions"},
    {name = "regions", bytes = regions(data)},
  }
end

-- Everything of the pack behind its header, growing; `add` returns where bytes came to lie.
local function body(start)
  local self = {parts = {}, at = start, known = {}}
  function self.add(bytes)
    local at = self.at
    local padded = bytes .. ("\0"):rep(-#bytes & 7)
    self.parts[#self.parts + 1] = padded
    self.at = at + #padded
    return at
  end
  function self.text(text)
    self.known[text] = self.known[text] or self.add(string.pack("<s4x", text))
    return self.known[text]
  end
  return self
end

local function directory(out, entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    local facts = {}
    for f = 1, 6 do facts[f] = out.text(entry.facts and entry.facts[f] or "") end
    rows[i] = string.pack(ENTRY, out.text(entry.name), entry.at, #entry.packed, #entry.bytes,
      entry.nops or 0, table.unpack(facts))
  end
  return out.add(table.concat(rows))
end

-- Frames first, so that the directory and its strings lie close together at the end.
local function assemble(version, dictionary, services, files)
  local out = body(string.packsize(HEADER))
  for _, list in ipairs {services, files} do
    for _, entry in ipairs(list) do
      entry.packed = zstd.compress(entry.bytes, LEVEL, dictionary)
      entry.at = out.add(entry.packed)
    end
  end
  local dict = out.add(dictionary)
  local botocore = out.text(version)
  local first, second = directory(out, services), directory(out, files)
  local header = string.pack(HEADER, MAGIC, VERSION, out.at, botocore, #services, first, #files,
    second, dict, #dictionary)
  return header .. table.concat(out.parts)
end

local function version(data)
  local text = read(data .. "/../VERSION")
  return text and text:match("%S+")
    or error("there is no VERSION beside " .. data .. "; run vendor/fetch again", 0)
end

local function main(data, path)
  if not (data and path) then error("usage: tidelua-stage host/pack.lua DATA OUT", 0) end
  local began = os.clock()
  local services = find(data)
  if #services == 0 then
    error("there is no service-2.json below " .. data .. "; run vendor/fetch", 0)
  end
  local samples, operations, raw = {}, 0, 0
  for i, service in ipairs(services) do
    compile(service)
    samples[i], operations, raw = service.bytes, operations + service.nops, raw + #service.bytes
  end
  local compiled = os.clock()
  local dictionary = assert(zstd.train(samples, DICTIONARY))
  local bytes = assemble(version(data), dictionary, services, datafiles(data))
  local out <close> = assert(io.open(path, "wb"))
  assert(out:write(bytes))
  local say <const> = "pack: %d services, %d operations, %.1f MB compiled in %.1f s, "
    .. "%.1f MB packed in %.1f s"
  print(say:format(#services, operations, raw / 1e6, compiled - began, #bytes / 1e6,
    os.clock() - compiled))
end

main(arg[1], arg[2])
