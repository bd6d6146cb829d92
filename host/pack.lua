-- pack.lua -- turns botocore's data into the model pack that the program links (modules/pack.h).
-- usage: tidelua-stage host/pack.lua DATA OUT [DOCS]: DOCS is a second pack, of documentation
local json = require "tidelock.json"
local models = require "tidelock.models"
local zstd = require "tidelock.zstd"
local container = require "pack.container"
local docs = require "pack.docs"
local endpoint = require "pack.endpoint"
local model = require "pack.model"
local order = require "pack.order"

local LEVEL <const> = 19                    -- of zstd: the pack is built once and read for ever
local LARGE <const> = 512 * 1024            -- inflating so much (EC2) would be a third of a call
local DOCLEVEL <const> = 12                 -- half the time of 19 and a tenth more bytes
local DICTIONARY <const> = 112 * 1024       -- bytes: what zstd itself takes for a good size

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
  assert(models.load(service.bytes, service.name))     -- checked here, so that no run has to
  service.nops = count(tbl.operations)
  service.facts = {
    metadata.serviceId, metadata.serviceFullName or metadata.serviceId, metadata.endpointPrefix,
    metadata.signingName or metadata.endpointPrefix, metadata.apiVersion, metadata.protocol,
  }
  return tbl
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

local function version(data)
  local text = read(data .. "/../VERSION")
  return text and text:match("%S+")
    or error("there is no VERSION beside " .. data .. "; run vendor/fetch again", 0)
end

-- Every service compiled, with `documents` a list to which their documentation is added, or nil.
local function compileall(services, documents)
  local samples, operations, size = {}, 0, 0
  for i, service in ipairs(services) do
    local tbl = compile(service)
    samples[i], operations, size = service.bytes, operations + service.nops, size + #service.bytes
    if documents then documents[i] = {name = service.name, bytes = docs.compile(tbl)} end
  end
  return samples, operations, size
end

local function write(path, bytes)
  local out <close> = assert(io.open(path, "wb"))
  assert(out:write(bytes))
  return #bytes / 1e6
end

local function main(data, path, docpath)
  if not (data and path) then error("usage: tidelua-stage host/pack.lua DATA OUT [DOCS]", 0) end
  local clock, began = os.clock, os.clock()
  local services = find(data)
  if #services == 0 then
    error("there is no service-2.json below " .. data .. "; run vendor/fetch", 0)
  end
  local documents = docpath and {} or nil
  local samples, operations, size = compileall(services, documents)
  print(("pack: %d services, %d operations, %.1f MB compiled in %.1f s")
    :format(#services, operations, size / 1e6, clock() - began))
  began = clock()
  local dictionary = assert(zstd.train(samples, DICTIONARY))
  local files = datafiles(data)
  local packed = write(path, container.assemble(version(data), services, files, dictionary, LEVEL, LARGE))
  print(("pack: %.1f MB packed in %.1f s"):format(packed, clock() - began))
  if not docpath then return end
  began = clock()
  packed = write(docpath, container.assemble(version(data), documents, {}, "", DOCLEVEL))
  print(("pack: %.1f MB of documentation packed in %.1f s"):format(packed, clock() - began))
end

main(arg[1], arg[2], arg[3])
