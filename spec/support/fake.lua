-- fake.lua -- an aws client that answers only what a spec told it to expect, and says what was not asked.
local fake = {}

local Fake = {}

local function show(value, depth)
  if type(value) ~= "table" then return ("%q"):format(tostring(value)) end
  if (depth or 0) > 6 then return "..." end
  local keys, out = {}, {}
  for k in pairs(value) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do out[i] = ("%s = %s"):format(tostring(k), show(value[k], (depth or 0) + 1)) end
  return "{" .. table.concat(out, ", ") .. "}"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local function answer(self, service, operation, input)
  for i, call in ipairs(self.expected) do
    if call.service == service and call.operation == operation and same(call.input, input or {}) then
      table.remove(self.expected, i)
      self.made[#self.made + 1] = call
      if call.failure then
        error(setmetatable({code = call.failure, message = call.failure, service = service, operation = operation,
          exit = 1}, {__tostring = function(e) return e.code end}), 0)
      end
      return call.output
    end
  end
  local near = {}
  for _, call in ipairs(self.expected) do
    if call.service == service and call.operation == operation then near[#near + 1] = show(call.input) end
  end
  error(("unexpected call %s.%s %s%s"):format(service, operation, show(input or {}),
    #near > 0 and "\n  expected " .. table.concat(near, "\n  or ") or ""), 0)
end

local function client(self, service)
  return setmetatable({}, {__index = function(_, operation)
    if operation == "wait" then
      return function(_, waiter, input) return answer(self, service, "wait " .. waiter, input) end
    end
    if operation == "items" then
      return function(_, name, input)
        local list, i = answer(self, service, name, input), 0
        return function()
          i = i + 1
          return list[i]
        end
      end
    end
    return function(_, input) return answer(self, service, operation, input) end
  end})
end

--- Expects one call, and answers it with `output`. Order does not matter: reads run side by side.
function Fake:expect(service, operation, input, output)
  table.insert(self.expected, {service = service, operation = operation, input = input, output = output or {}})
end

--- Expects one call, and refuses it with an error code.
function Fake:refuse(service, operation, input, code)
  table.insert(self.expected, {service = service, operation = operation, input = input, failure = code})
end

--- Fails if an expected call was not made.
function Fake:verify()
  local left = {}
  for _, call in ipairs(self.expected) do
    left[#left + 1] = ("%s.%s %s"):format(call.service, call.operation, show(call.input))
  end
  self.expected = {}
  if #left > 0 then error("expected and not made: " .. table.concat(left, "; "), 2) end
end

--- A fake without expectations.
function fake.new()
  local self = {expected = {}, made = {}, account_id = "123456789012", region = "eu-west-1"}
  function self.arn(service, resource, region, id)
    return ("arn:aws:%s:%s:%s:%s"):format(service, region or self.region, id or self.account_id, resource)
  end
  function self.tags(_, own) return own() end
  return setmetatable(self, {__index = function(_, name)
    return Fake[name] or client(self, name)
  end})
end

return fake
