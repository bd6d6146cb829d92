--- tidelock schedule add: works out what a playbook needs to run by itself, then plans and applies playbooks/schedule.
local actions = require "schedule.actions"
local bundle = require "schedule.bundle"
local expression = require "resources.scheduler.expression"
local options = require "cli.options"
local playbook = require "playbook"
local playing = require "cli.playing"
local stack = require "cli.schedule.stack"

local MONTH <const> = 31 * 86400
local LONGEST <const> = 7 * 86400                        -- an alarm cannot look further back

-- ## When

-- What the playbook's own header says, where nothing else is asked for: "1 day", "cron(0 6 * * ? *)".
local function of_header(text)
  if type(text) ~= "string" then return nil, "the playbook's schedule must be text such as \"1 day\"" end
  local made = not text:find "%(" and expression.rate(text) or text
  local why = expression.fault(made)
  return made, why and "the playbook's schedule: " .. why
end

local function when(args, header)
  local given = {}
  for _, name in ipairs {"rate", "cron", "at"} do
    if args[name] then given[#given + 1] = name end
  end
  if #given == 0 and header.schedule ~= nil then return of_header(header.schedule) end
  if #given ~= 1 then
    options.usage('when? one of --rate "1 day", --cron "0 6 * * ? *" and --at 2026-01-31T09:00:00')
  end
  local kind = given[1]
  if kind == "at" then
    local text = ("at(%s)"):format(args.at)
    return text, expression.fault(text)
  end
  local text, why = expression[kind](args[kind])
  return text, why and ("--%s: %s"):format(kind, why)
end

-- So long without a run that came to its end means that something is wrong: a gap, and time for a run to end.
local function silence(text, ctx)
  local gap = expression.gap(text)
  local span = gap and gap + math.max(gap // 10, gap < 7200 and 900 or 3600)
  if span and span < LONGEST then return span end
  ctx:say("Note: no alarm can tell that a run did not happen: %s. A run that fails is told of all the same.",
    gap and gap < MONTH * 13 and "they are more than six days apart, and CloudWatch looks back seven"
      or "when the next one is due cannot be said of " .. text)
  return 0
end

-- ## What it may do

local function types_of(engine, texts)
  local out, seen = {}, {}
  local function add(name)
    if not seen[name] and require "resources".find(name) then out[#out + 1] = name end
    seen[name] = true
  end
  for _, node in ipairs(engine.nodes) do add(node.type.type) end
  for _, text in ipairs(texts) do                        -- also those that are declared only for what is found
    local code = text:gsub("%-%-[^\n]*", "")
    for service, kind in code:gmatch "ensure%.([%w_]+)%.([%w_]+)" do add(service .. "." .. kind) end
  end
  return out
end

local function controls_of(engine)
  local out = {}
  for _, entry in ipairs(engine.sequence) do
    local controls = entry.kind == "check" and require "checks.word".controls(entry.spec)
    for _, action in ipairs(controls and require "checks".actions(controls) or {}) do out[#out + 1] = action end
  end
  return out
end

local function texts_of(engine)
  local out = {}
  for _, path in pairs(engine.sources) do
    local file <close> = assert(io.open(path, "rb"))
    out[#out + 1] = file:read "a"
  end
  return out
end

local add = {}

--- The actions that a declared playbook's task needs, besides its store.
function add.needed(engine)
  local texts = texts_of(engine)
  return actions.needed(types_of(engine, texts), controls_of(engine), texts)
end

local function statements_of(engine, args, place)
  local out = actions.statements(add.needed(engine))
  local more = args.notify and actions.of_notify(engine.account or {}, place) or {}
  table.move(more, 1, #more, #out + 1, out)
  return require "tidelock.json".encode(require "tidelock.json".array(out), {sort = true})
end

-- ## The whole

--- The engine of a loaded playbook that has declared all it can without asking AWS.
function add.declare(loaded, region, args)
  return playbook.declare(loaded, {session = {}, models = require "tidelock.models", region = region,
    offline = true, emit = function() end, unsafe = args.unsafe}, "plan")
end

local function listed(given, of_account) return given or of_account or {} end

-- Who is told by e-mail; without it the failure of a run is heard only by whom somebody subscribed by hand.
local function email_of(args, account, ctx)
  local email = args.email or account.emails and account.emails.ops
  if (email or "") == "" then
    ctx:say("Note: nobody is told by e-mail when a run fails or does not happen: give --email, or emails.ops in the"
      .. " account file.")
  end
  return email or ""
end

local function vars_of(args, ctx, loaded, engine, place)
  local account = loaded.account or {}
  local image = args.image or os.getenv "TIDELOCK_IMAGE"
  local subnets = listed(args.subnet, account.subnets)
  local faults = {}
  local function fault(text) faults[#faults + 1] = text end
  local text, why = when(args, loaded.program.header)
  if why then fault(why) end
  if not image or image == "" then
    fault "--image (or TIDELOCK_IMAGE) is missing: make image builds it, and your registry's name of it goes here"
  end
  if #subnets == 0 then
    fault "--subnet is missing (or subnets = {...} in the account file): a task on Fargate needs one"
  end
  if #faults > 0 then options.usage(table.concat(faults, "; ")) end
  local made = bundle.make(loaded, engine, place.name, {notify = args.notify, unsafe = args.unsafe,
    concurrency = args.concurrency})
  return {name = place.name, expression = text, timezone = args.timezone or "UTC", silence = silence(text, ctx),
    image = image, subnets = subnets, security_groups = listed(args.security_group, account.security_groups),
    public_ip = args.public_ip or false, cpu = args.cpu or "256", memory = args.memory or "512",
    architecture = args.arm64 and "ARM64" or "X86_64", bucket = place.bucket,
    statements = statements_of(engine, args, place),
    bundle = made.text, bundle_key = bundle.key(place.name, made.hash), retention = args.retention or 90,
    email = email_of(args, account, ctx)}
end

--- Runs it: args[1] is the playbook.
function add.run(args, ctx)
  local path = playing.file(args, "schedule add")
  local loaded = playbook.load(path, {vars = playing.vars(args),
    account = args.account or os.getenv "TIDELOCK_ACCOUNT"})
  require "cli.telling".check(args, loaded.account)      -- now, not at night when the task comes to it
  local session = stack.session(args, loaded.account and loaded.account.region)
  local engine = add.declare(loaded, session:region(), args)
  local place = stack.place(session, args, args.name or stack.name_of(loaded.name))
  ctx.args = stack.args(vars_of(args, ctx, loaded, engine, place), args, loaded.account_path)
  return require "cli.apply".run(ctx.args, ctx)
end

return add
