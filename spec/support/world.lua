--- A session's world made of plain tables: nothing is read, sent or slept, and all of it is recorded.
local world = {}

--- Options for `aws.session`: `env` (variables), `files` (path -> text), `answers` (a function of the
-- request, or a list of responses in turn). Returns them and the record: sent, slept, opened.
function world.new(parts)
  local record = {sent = {}, slept = {}, opened = {}, now = parts.now or 1700000000}
  local env = parts.env or {}
  local options = {
    environ = function(name) return env[name] end,
    files = function(path)
      record.opened[#record.opened + 1] = path
      return (parts.files or {})[path]
    end,
    clock = function() return record.now end,
    monotonic = function() return record.now end,
    sleep = function(seconds)
      record.slept[#record.slept + 1] = seconds
      record.now = record.now + seconds
    end,
    random = function() return 0.5 end,
    transport = function(request)
      record.sent[#record.sent + 1] = request
      local answers = parts.answers
      if type(answers) == "function" then return answers(request, #record.sent) end
      local answer = answers and answers[#record.sent]
      if not answer then return nil, {code = "connect", message = "Connection refused"} end
      if answer.fault then return nil, answer.fault end
      return {status = answer.status or 200, headers = answer.headers or {}, body = answer.body or ""}
    end,
  }
  for name, value in pairs(parts.options or {}) do options[name] = value end
  return options, record
end

--- What `fn` raises; fails the spec where it raises nothing.
function world.raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "nothing was raised")
  return err
end

return world
