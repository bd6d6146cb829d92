--- The same facts about a service as spec/support/models.py writes, from tidelock.models.
local json = require "tidelock.json"

local MEMBER <const> = {
  "idempotencyToken", "sensitive", "streaming", "flattened", "xmlAttribute", "jsonvalue", "hostLabel", "eventpayload",
  "eventheader",
}
local OURS <const> = {idempotencyToken = "idempotency", xmlAttribute = "attribute", hostLabel = "hostlabel"}
local SHAPE <const> = {
  "sensitive", "streaming", "eventstream", "document", "union", "flattened", "exception", "event",
}

local function flags(t, names)
  local set = {}
  for _, name in ipairs(names) do if t[OURS[name] or name] then set[#set + 1] = name end end
  return table.concat(set, ",")
end

local function line(...)
  local row = table.pack(...)
  for i = 1, row.n do row[i] = row[i] == nil and "" or tostring(row[i]) end
  return table.concat(row, "|", 1, row.n)
end

local function pairsof(t, value)
  local list = {}
  for name, each in pairs(t or {}) do list[#list + 1] = name .. "=" .. value(each) end
  table.sort(list)
  return table.concat(list, ",")
end

local function operation(op)
  return line("O", op.name, op.snake, op.method, op.uri, op.code, op.input, op.output, table.concat(op.errors, ","),
    table.concat(op.idempotency, ","), pairsof(op.context_params, tostring),
    pairsof(op.static_params, function(param) return json.encode(param.value) end), table.concat(op.auth or {}, ","),
    op.authtype, op.host_prefix, op.streaming_output and "body" or nil, op.event_output and "events" or nil)
end

return function(service)
  local facts = {}
  local function namespace(t) return (t.nsuri or "") .. " " .. (t.nsprefix or "") end
  local function add(member)
    facts[#facts + 1] = line("M", member.name, member.shape, member.type, member.wire,
      member.queryname, member.location, member.stamp, namespace(member),
      member.required and "required" or nil, flags(member, MEMBER))
  end
  for _, name in ipairs(service:operations()) do facts[#facts + 1] = operation(service:operation(name)) end
  for _, name in ipairs(service:shapes()) do
    local shape = service:shape(name)
    facts[#facts + 1] = line("S", name, shape.type, shape.payload, flags(shape, SHAPE), namespace(shape), shape.min,
      shape.max, shape.code, shape.status, table.concat(shape.enum or {}, ","))
    for _, member in ipairs(shape.members or shape.items or {}) do add(member) end
  end
  return facts
end
