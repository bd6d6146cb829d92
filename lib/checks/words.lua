--- What a failure says to a person, for the playbook's `check` word and for reports: plain text, no colour.
local shellword = require "shellword"

local words = {}

local function fill(text, result)
  local values = {name = result.subject.name, arn = result.subject.arn, region = result.region,
    account = result.account}
  return (text:gsub("{(%w+)}", function(name) return values[name] and shellword(values[name]) end))
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
  for i, name in ipairs(names) do out[i] = " --var " .. shellword(name .. "=" .. result.vars[name]) end
  return table.concat(out)
end

--- The command that repairs it (a remedy playbook, where `find` knows one) or shows it, and "fix" or "look".
function words.command(result, account_path, find)
  local path = result.remedy and find and find(result.remedy)
  if path then
    local account = account_path and " --account " .. shellword(account_path) or ""
    return "tidelock plan " .. path .. account .. vars_of(result), "fix"
  end
  if result.command then return fill(result.command, result), "look" end
end

--- The commands for what is not so of one control: all that repair some of it, each once; where none does, one that
-- shows it. The second value says which: "fix" or "look".
function words.commands(results, account_path, find)
  local fixes, seen, look = {}, {}, nil
  for _, result in ipairs(results) do
    local command, kind = words.command(result, account_path, find)
    if kind == "fix" and not seen[command] then
      seen[command] = true
      fixes[#fixes + 1] = command
    elseif kind == "look" then
      look = look or command
    end
  end
  if #fixes > 0 then return fixes, "fix" end
  return {look}, "look"
end

local BAD <const> = {fail = "", error = "could not be checked: ", warn = "look at it: "}

-- About one control: `bad` are its results that did not pass.
local function lines_of(out, bad, account_path, find)
  local first, all_errors = bad[1], true
  out[#out + 1] = ("    %s, %s: not so: %s"):format(first.severity, first.id, first.title)
  for _, result in ipairs(bad) do
    all_errors = all_errors and result.result == "error"
    out[#out + 1] = ("        %s: %s%s"):format(result.subject.name, BAD[result.result], result.evidence)
  end
  if not all_errors then
    out[#out + 1] = "        means:  " .. first.means
    out[#out + 1] = "        to do:  " .. first.todo
  end
  local commands, kind = words.commands(bad, account_path, find)
  for _, command in ipairs(commands) do
    out[#out + 1] = (kind == "fix" and "        repair: " or "        try:    ") .. command
  end
end

--- Lines about what did not pass, control by control: subjects and evidence, meaning, what to do, the commands.
function words.failures(results, account_path, find)
  local out, bad = {}, {}
  for _, result in ipairs(results) do
    if BAD[result.result] then
      if bad[1] and bad[1].id ~= result.id then
        lines_of(out, bad, account_path, find)
        bad = {}
      end
      bad[#bad + 1] = result
    end
  end
  if bad[1] then lines_of(out, bad, account_path, find) end
  return out
end

return words
