--- What the subcommands of schedule share: names, the playbook that makes a schedule, and what is live of one.
local options = require "cli.options"

local stack = {}

--- The group that tidelock's schedules are in.
stack.GROUP = "tidelock"

--- A schedule's name, out of a playbook's: runbooks/security -> runbooks-security.
function stack.name_of(playbook_name) return (playbook_name:gsub("[^%w_.-]", "-")) end

--- The log group, task family and alarm of a schedule.
function stack.log(name) return "/tidelock/" .. name end
function stack.family(name) return "tidelock-" .. name end
function stack.alarm(name) return ("tidelock-%s-silent"):format(name) end

local function check_name(name)
  if #name > 40 or not name:find "^[%w][%w_.-]*$" then
    options.usage(("a schedule's name has at most 40 letters, digits, dots, - and _, unlike %q; give another with"
      .. " --name"):format(name))
  end
end

--- Where it goes: {name, account, partition, region, bucket}.
function stack.place(session, args, name)
  check_name(name)
  local who = session.sts:get_caller_identity {}
  local region = session:region()
  return {name = name, account = who.Account, partition = who.Arn:match "^arn:([^:]+)" or "aws", region = region,
    bucket = args.bucket or ("tidelock-%s-%s"):format(who.Account, region)}
end

-- Beside the program (a source tree, or an installation), beside the user, or at the root of the image.
local function find(name)
  local exe = require "tidelock.fs".realpath "/proc/self/exe" or ""
  local dir = exe:match "^(.*)/[^/]*$" or "."
  local tried = {}
  for _, base in ipairs {dir .. "/../share/tidelock/playbooks", dir .. "/../playbooks", dir .. "/../../playbooks",
    "playbooks", "/playbooks"} do
    local path = ("%s/schedule/%s.lua"):format(base, name)
    local file = io.open(path)
    if file then
      file:close()
      return require "tidelock.fs".realpath(path)
    end
    tried[#tried + 1] = path
  end
  options.usage(("the playbook of schedules is not on this machine: looked for %s"):format(table.concat(tried, ", ")))
end

--- A session of the options that is not the run's: its calls are not counted among the run's.
function stack.session(args, region)
  return require "aws".session {profile = args.profile, region = args.region or region,
    endpoint_url = args.endpoint_url}
end

--- Options of a command on the stack's playbook with these vars.
function stack.args(vars, args, account_path)
  return {find "fargate", var = vars, account = account_path, yes = args.yes, store = args.store, quiet = args.quiet,
    profile = args.profile, region = args.region, endpoint_url = args.endpoint_url, output = args.output,
    no_color = args.no_color, concurrency = args.concurrency, confirm = args.confirm}
end

--- The schedule of that name as AWS tells it; refuses with those that there are.
function stack.live(session, name)
  local ok, found = pcall(function() return session.scheduler:get_schedule {Name = name, GroupName = stack.GROUP} end)
  if ok then return found end
  if type(found) ~= "table" or found.code ~= "ResourceNotFoundException" then error(found, 0) end
  local names = {}
  for _, one in ipairs(stack.list(session)) do names[#names + 1] = one.Name end
  options.usage(("there is no schedule %q in %s%s"):format(name, session:region(),
    require "suggest".phrase(name, names)))
end

--- All of them, by name; none where the group does not exist yet.
function stack.list(session)
  local out = {}
  local ok, err = pcall(function()
    for one in session.scheduler:items("list_schedules", {GroupName = stack.GROUP}) do out[#out + 1] = one end
  end)
  if not ok and (type(err) ~= "table" or err.code ~= "ResourceNotFoundException") then error(err, 0) end
  table.sort(out, function(a, b) return a.Name < b.Name end)
  return out
end

return stack
