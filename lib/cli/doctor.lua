--- tidelock doctor: what is configured and where from, and whether it works; each fault with its remedy.
local SKEW_WARN <const>, SKEW_FAULT <const> = 30, 240        -- seconds; AWS refuses at 300
local SOON <const> = 15 * 60                                 -- seconds that credentials should last
local UNAVAILABLE <const> = 69

local function set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= "" and value or nil
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- What of a URL may be seen: not the user and password in it.
local function masked(url) return (url:gsub("//[^/@]*@", "//<secret>@")) end

local function sentence(err)
  if type(err) == "table" then return tostring(getmetatable(err) and err or err.message) end
  return tostring(err)
end

local function span(seconds)
  local n = math.floor(math.abs(seconds))
  if n < 120 then return ("%d s"):format(n) end
  if n < 7200 then return ("%d min"):format(n // 60) end
  return ("%d h"):format(n // 3600)
end

-- ## Configuration

local function profile(row, args, session)
  local settings = session.settings
  local name, chosen = settings:profile_name()
  local from = args.profile and "--profile" or set "AWS_PROFILE" and "AWS_PROFILE"
    or set "AWS_DEFAULT_PROFILE" and "AWS_DEFAULT_PROFILE" or "by default"
  local ok, err = pcall(settings.profile, settings)
  if not ok then return row("profile", "fault", sentence(err), "Correct it, or choose another with --profile.") end
  row("profile", "ok", ("%s (%s)"):format(name, chosen and "from " .. from or from))
  local config, credentials = settings:paths()
  for _, path in ipairs {config, credentials} do
    local stat = require "tidelock.fs".stat(path)
    local loose = stat and stat.type == "file" and path == credentials and stat.mode and stat.mode & 63 ~= 0
    if loose then
      row("file", "warn", path .. " can be read by others", "Keep it to yourself: chmod 600 " .. path)
    else
      row("file", "ok", path .. (stat and "" or " (is not there)"))
    end
  end
end

local function region(row, args, session)
  local ok, found = pcall(session.region, session)
  if not ok then
    return row("region", "fault", found.message or tostring(found),
      "Set AWS_REGION=us-east-1, or give --region, or put it into the profile.")
  end
  local from = args.region and "--region" or set "AWS_REGION" and "AWS_REGION"
    or set "AWS_DEFAULT_REGION" and "AWS_DEFAULT_REGION" or "profile " .. session.settings:profile_name()
  row("region", "ok", ("%s (from %s)"):format(found, from))
  return found
end

-- The target that calls of STS go to, or nil.
local function endpoint(row, session)
  local ok, target = pcall(function()
    local c = session.sts:inner()
    return require "aws.endpoint".of(c, c.model:operation "get_caller_identity", {})
  end)
  if not ok then
    return row("endpoint", "fault", sentence(target), "Correct AWS_ENDPOINT_URL, the region or the profile.")
  end
  local _, from = session.settings:endpoint_url "STS"
  row("endpoint", "ok", ("%s (%s)"):format(masked(target.url), from and "from " .. from or "AWS's own, by its rules"))
  return target
end

local function proxy(row, target)
  local names = target and target.scheme == "http" and {"http_proxy", "HTTP_PROXY"} or {"https_proxy", "HTTPS_PROXY"}
  local name = set(names[1]) and names[1] or set(names[2]) and names[2]    -- in the order that calls look for them
  local exempt = set "no_proxy" or set "NO_PROXY"
  if name then
    row("proxy", "ok", ("%s (from %s%s)"):format(masked(set(name)), name, exempt and ", but not for " .. exempt or ""))
  else
    row("proxy", "ok", "none")
  end
end

local function bundle(row, session)
  local path = session.settings:get "ca_bundle"
  if not path then return row("certificates", "ok", "the system's own authorities") end
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  local _, count = (text or ""):gsub("%-%-%-%-%-BEGIN [%u ]*CERTIFICATE%-%-%-%-%-", "")
  if not text then
    row("certificates", "fault", ("%s (AWS_CA_BUNDLE) cannot be read"):format(path),
      "Point AWS_CA_BUNDLE at a file of PEM certificates, or unset it.")
  elseif count == 0 then
    row("certificates", "fault", ("%s (AWS_CA_BUNDLE) holds no PEM certificate"):format(path),
      "Convert it: openssl x509 -inform der -in FILE -out FILE.pem")
  else
    row("certificates", "ok", ("%s, %d certificate%s"):format(path, count, count == 1 and "" or "s"))
  end
end

local function retries(row, session)
  local settings = session.settings
  local ok, mode, most = pcall(function()
    return require "aws.retry".mode(settings:get "retry_mode", settings:get "max_attempts")
  end)
  if ok and mode then
    return row("retries", "ok", ("%s, %d attempt%s at most"):format(mode, most, most == 1 and "" or "s"))
  end
  row("retries", "fault", ok and most or sentence(mode), "Until then no call is tried again.")
end

-- ## The way to AWS

local REACHED <const> = {dns = {}, connect = {"name found"}, timeout = {}, proxy = {},
  tls = {"name found", "connected"}, closed = {"name found", "connected"}, protocol = {"name found", "connected"}}
local REMEDIES <const> = {
  dns = "Check the region's spelling, the endpoint and this machine's DNS (getent hosts NAME).",
  connect = "Check the endpoint, the network and HTTPS_PROXY; a sandbox must be running (tidelock sandbox).",
  timeout = "Check the route: VPC endpoint, security group, NAT, proxy.",
  tls = "Behind a company proxy set AWS_CA_BUNDLE to its certificate; check the clock too.",
  proxy = "Check HTTPS_PROXY, its user and password, and NO_PROXY.",
  closed = "Something between closes the connection: check proxy and firewall.",
  protocol = "What answers is no AWS endpoint: check scheme and port.",
}

-- Without a signature: any answer at all proves the way. Returns its headers.
local function reach(row, session, target)
  local requests = require "aws.request"
  local options = requests.options(session.sts:inner(), target.scheme)
  options = requests.with(options, {connect_timeout = 5, timeout = 10})
  local began = require "tidelock.loop".now()
  local response, err = require "tidelock.http".send({method = "GET", scheme = target.scheme, host = target.host,
    path = "/", query = "", headers = {}}, options)
  if response then
    local took = (require "tidelock.loop".now() - began) * 1000
    row("reachable", "ok", ("name, connection%s and an answer in %.0f ms"):format(
      target.scheme == "https" and ", TLS" or "", took))
    return response.headers
  end
  local steps = REACHED[err.code] or {}
  row("reachable", "fault", (#steps > 0 and table.concat(steps, ", ") .. ", but: " or "") .. masked(err.message),
    REMEDIES[err.code] or "Check the network and the endpoint.")
end

local function clock(row, headers)
  local theirs = headers.date and require "aws.date".http(headers.date)
  if not theirs then return row("clock", "warn", "the answer carries no date to compare with") end
  local skew = require "tidelock.loop".time() - theirs
  local text = ("%.0f s %s the server"):format(math.abs(skew), skew < 0 and "behind" or "ahead of")
  if math.abs(skew) < SKEW_WARN then
    row("clock", "ok", "agrees with the server's")
  else
    row("clock", math.abs(skew) < SKEW_FAULT and "warn" or "fault", text,
      "AWS refuses at 5 minutes. Set the clock: timedatectl set-ntp true")
  end
end

-- ## Who

local function credentials(row, session)
  local ok, creds = pcall(session.credentials, session)
  if not ok then
    row("credentials", "fault", sentence(creds), "tidelock help doctor tells the order in which they are looked for.")
    return nil
  end
  local id = creds.access_key_id or ""
  local text = ("from %s, key ...%s"):format(creds.source or "?", id:sub(-4))
  local left = creds.expires and creds.expires - require "tidelock.loop".time()
  if not left then
    row("credentials", "ok", text .. (creds.session_token and ", temporary, their end unknown" or ", without an end"))
  elseif left <= 0 then
    row("credentials", "fault", text .. ", ended " .. span(left) .. " ago", "Sign in again: aws sso login.")
  else
    row("credentials", left < SOON and "warn" or "ok", ("%s, good for %s"):format(text, span(left)),
      left < SOON and "They end soon: sign in again before a long run." or nil)
  end
  return creds
end

local function identity(row, session)
  local ok, who = pcall(function() return session.sts:get_caller_identity {} end)
  if ok then return row("identity", "ok", ("%s, account %s"):format(who.Arn or "?", who.Account or "?")) end
  row("identity", "fault", sentence(who), "Other credentials: --profile NAME, aws sso login, aws configure.")
end

-- ## This machine

local function state_folder(row)
  local fs = require "tidelock.fs"
  local root = require "playbook.store".open().root
  local probe = root .. "/.doctor-" .. fs.pid()
  local ok, err = fs.mkdir(root)
  if ok then ok, err = fs.write(probe, "x") end
  if ok then
    os.remove(probe)
    return row("journal", "ok", root .. " can be written")
  end
  row("journal", "fault", ("%s cannot be written: %s"):format(root, err.message),
    "Give it to this user, or name another folder: TIDELOCK_STATE=FOLDER.")
end

local function sandbox(row)
  local path = require "tidelock.fs".realpath "/proc/self/exe" or ""
  local folder = path:match "^(.*)/[^/]+$" or "."
  for _, base in ipairs {".", folder, folder .. "/..", folder .. "/../share/tidelock"} do
    for _, venv in ipairs {"build/venv", "venv"} do
      local python = ("%s/%s/bin/python"):format(base, venv)
      if exists(python) then return row("sandbox", "ok", "Python with moto at " .. python) end
    end
  end
  if set "TIDELOCK_PYTHON" then return row("sandbox", "ok", "Python from TIDELOCK_PYTHON") end
  row("sandbox", "warn", "its Python is not there: tidelock sandbox will not start",
    "Only needed to try things out: make setup, in the source tree.")
end

-- ## The whole

local MARKS <const> = {ok = {"ok  ", "green"}, warn = {"warn", "yellow"}, fault = {"FAULT", "red"}}

local function examine(args, ctx, row)
  local session = ctx:session()
  local ok, err = pcall(function()
    profile(row, args, session)
    local found, target = region(row, args, session), nil
    if found then target = endpoint(row, session) end
    proxy(row, target)
    bundle(row, session)
    retries(row, session)
    local creds = credentials(row, session)
    if not target then return end
    local headers = reach(row, session, target)
    if headers then clock(row, headers) end
    if headers and creds then identity(row, session) end
  end)
  if not ok then row("configuration", "fault", sentence(err), "Correct it; the rest could not be looked at.") end
  if set "TIDELOCK_REDIS_URL" then require "cli.doctor.redis"(row, set "TIDELOCK_REDIS_URL") end
  state_folder(row)
  sandbox(row)
end

local BLANK <const> = (" "):rep(22)      -- under the texts

local function show(ctx, rows)
  local paint, wrap = ctx:paint(), require "repl.wrap"
  for _, r in ipairs(rows) do
    local mark = MARKS[r.state]
    local text = wrap.lines(r.text, BLANK, 100)
    ctx:print(("%s %s %s"):format(paint:text(mark[2], (mark[1] .. " "):sub(1, 5)), paint.pad(r.name, 15),
      text[1]:sub(#BLANK + 1)))
    ctx:print(table.move(text, 2, #text, 1, {}))
    if r.remedy then ctx:print(wrap.lines("-> " .. r.remedy, BLANK, 100)) end
  end
end

local function run(args, ctx)
  local rows, faults = {}, 0
  examine(args, ctx, function(name, state, text, remedy)
    rows[#rows + 1] = {name = name, state = state, text = text, remedy = state ~= "ok" and remedy or nil}
    if state == "fault" then faults = faults + 1 end
  end)
  if ctx:wants_json() then
    local json = require "tidelock.json"
    ctx:print(json.encode({ok = faults == 0, checks = json.array(rows)}, {indent = 2, sort = true}))
  else
    show(ctx, rows)
    ctx:print {"", faults == 0 and "Nothing is wrong." or ("%d thing%s must be put right."):format(faults,
      faults == 1 and "" or "s")}
  end
  return faults == 0 and 0 or UNAVAILABLE
end

return {
  name = "doctor",
  about = "Say what is configured, whose credentials these are, and what is wrong with it",
  usage = "tidelock doctor [--output json]",
  more = "Credentials are looked for in this order: --profile; AWS_ACCESS_KEY_ID; the profile's role, web identity,\n"
    .. "SSO, keys or credential_process; the ECS container; the EC2 instance. It exits 69 if anything is at fault.\n"
    .. "With TIDELOCK_REDIS_URL it looks at the rate limiter's Redis too.",
  options = {}, words = 0, outputs = {"json"},
  run = run,
}
