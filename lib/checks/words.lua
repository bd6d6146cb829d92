--- What a failure says to a person, for the playbook's `check` word and for reports: plain text, no colour.
local words = {}

-- A value as one word of a shell, whatever somebody called the thing.
local function quoted(value)
  if value:find "^[%w%-_./:@=+,]+$" then return value end
  return "'" .. value:gsub("'", [['\'']]) .. "'"
end

local function fill(text, result)
  local values = {name = result.subject.name, arn = result.subject.arn, region = result.region,
    account = result.account}
  return (text:gsub("{(%w+)}", function(name) return values[name] and quoted(values[name]) end))
end

--- The path of a playbook such as "harden/storage" on this machine, or nil.
function words.find_playbook(name)
  for _, base in ipairs {"playbooks/", ""} do
    local path = base .. name .. ".lua"
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
end

-- What the playbook must be told to do it: --var most=30.
local function vars_of(result)
  local names, out = {}, {}
  for name in pairs(result.vars or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = " --var " .. quoted(name .. "=" .. result.vars[name]) end
  return table.concat(out)
end

--- The command that repairs it (a remedy playbook, where `find` knows one) or shows it, and "fix" or "look".
function words.command(result, account_path, find)
  local path = result.remedy and find and find(result.remedy)
  if path then
    return "tidelock plan " .. path .. (account_path and " --account " .. account_path or "") .. vars_of(result), "fix"
  end
  if result.command then return fill(result.command, result), "look" end
end

local BAD <const> = {fail = "", error = "could not be checked: ", warn = "look at it: "}

--- Lines about what did not pass, control by control: subjects and evidence, meaning, what to do, the command.
function words.failures(results, account_path, find)
  local out, last = {}, nil
  local function close()
    if not last then return end
    if last.result ~= "error" then
      out[#out + 1] = "        means:  " .. last.means
      out[#out + 1] = "        to do:  " .. last.todo
    end
    local command, kind = words.command(last, account_path, find)
    if command then out[#out + 1] = (kind == "fix" and "        repair: " or "        try:    ") .. command end
  end
  for _, result in ipairs(results) do
    if BAD[result.result] then
      if last and last.id ~= result.id then close() end
      if not last or last.id ~= result.id then
        out[#out + 1] = ("    %s, %s: not so: %s"):format(result.severity, result.id, result.title)
      end
      out[#out + 1] = ("        %s: %s%s"):format(result.subject.name, BAD[result.result], result.evidence)
      last = result
    end
  end
  close()
  return out
end

return words
