--- tidelock adopt: reads an account and writes an account file and the `ensure` lines of what there is. Reads only.
local account = require "adopt.account"
local files = require "adopt.files"
local look = require "adopt.look"
local options = require "cli.options"
local others = require "adopt.others"
local want = require "adopt.want"

local MOST <const> = 32                                  -- requests in flight at once

-- ## Looking

-- Where one looks: session, aws, place {id =, region =}, and what counts requests.
local function world(args, ctx)
  local traffic = require "playbook.recorder".traffic()
  local session = ctx:session(nil, traffic.transport)
  local region = session:region()
  local who = session.sts:get_caller_identity {}
  local place = {id = who.Account, region = region}
  local aws = look.client(session, traffic, place)
  return {aws = aws, place = place, traffic = traffic, most = args.concurrency or MOST,
    began = require "tidelock.loop".now()}
end

-- What each says of itself; what a playbook cannot say is left, with why, and so is the second of one address.
local function said(found)
  local models, out, seen = require "tidelock.models", {}, {}
  for _, item in ipairs(found.items) do
    local say, why = want.of(item.type, models, item.live, item.want)
    if say and seen[item.address] then say, why = nil, "another is called just so, and only one can be declared" end
    item.say, item.why, seen[item.address] = say, why, true
    table.insert(say and out or found.left, item)
  end
  found.items = out
end

local function pairs_of(list)
  local out = {}
  for _, text in ipairs(list or {}) do
    local name, value = text:match "^([^=]+)=?(.*)$"
    out[name] = value
  end
  return next(out) and out or nil
end

local function survey(args, ctx)
  local only = {service = args.service, type = args.type, name = args.name, tag = pairs_of(args.tag)}
  local types = look.types(only)
  local here = world(args, ctx)
  local found = look.all(here.aws, types, only, here.most)
  said(found)
  if not (only.service or only.type or only.name or only.tag) then
    others.add(found, here.aws, here.place)
  end
  here.seconds = require "tidelock.loop".now() - here.began
  return found, here
end

-- ## Writing

local function day() return os.date("!%Y-%m-%d", math.floor(require "tidelock.loop".time())) end

-- Refuses where one of these files is there already.
local function refuse_existing(folder, names)
  local fs, there = require "tidelock.fs", {}
  for _, name in ipairs(names) do
    local path = folder .. "/" .. name
    if fs.stat(path) then there[#there + 1] = path end
  end
  if #there == 0 then return end
  error({exit = 64, code = "Exists", message = ("adopt overwrites nothing, and these are there already: %s. Nothing"
    .. " was written. Give another folder with --out."):format(table.concat(there, ", "))}, 0)
end

-- All files, each with its path; refuses where any of them is there.
local function to_write(folder, found, here)
  local prefix = account.prefix(found.items) or ""
  local book = files.book(found.items, here.place, prefix)
  local out = files.services(book)
  table.insert(out, 1, {name = "account.lua", text = account.text(found.items, here.place, day())})
  table.insert(out, 2, {name = "adopted.lua", text = files.main(book, {folder = folder, day = day(),
    n = #found.items, left = found.left, failed = found.failed})})
  local names = {}
  for i, file in ipairs(out) do names[i], file.path = file.name, folder .. "/" .. file.name end
  refuse_existing(folder, names)
  return out
end

local function write(folder, out)
  local fs = require "tidelock.fs"
  if not fs.stat(folder) then
    local made, err = fs.mkdir(folder)
    if not made then
      error({exit = 64, code = "Folder", message = ("The folder %s cannot be made: %s. Nothing was written. Give"
        .. " another with --out."):format(folder, type(err) == "table" and err.message or tostring(err))}, 0)
    end
  end
  for _, file in ipairs(out) do
    local handle, why = io.open(file.path, "wb")
    local ok = handle and handle:write(file.text)
    if handle then ok = handle:close() and ok end
    if not ok then
      error({exit = 1, code = "Write", message = ("%s could not be written: %s. What is in %s is not whole: remove it"
        .. " before you try again."):format(file.path, why or "the disk may be full", folder)}, 0)
    end
  end
end

-- ## Telling

local function counts(found)
  local out, order = {}, {}
  for _, item in ipairs(found.items) do
    local name = item.type.type
    if not out[name] then order[#order + 1] = name end
    out[name] = (out[name] or 0) + 1
  end
  for i, name in ipairs(order) do order[i] = ("%d %s"):format(out[name], name) end
  return table.concat(order, ", ")
end

local function tell_left(found, ctx)
  for _, line in ipairs(files.failed_lines(found.failed)) do ctx:say("could not be looked at: %s", line) end
  if #found.left == 0 then return end
  ctx:say("not adopted: %d", #found.left)
  for _, line in ipairs(files.left_lines(found.left)) do ctx:say("%s", (line:gsub("^%-%-", ""))) end
end

local function as_data(found, here, out)
  local data = {account = here.place.id, region = here.place.region, requests = here.traffic.requests,
    seconds = here.seconds, files = {}, adopted = {}, left = {}, failed = {}}
  for i, file in ipairs(out or {}) do data.files[i] = file.path end
  for i, item in ipairs(found.items) do data.adopted[i] = item.address end
  for i, item in ipairs(found.left) do
    data.left[i] = {type = item.kind or item.type.type, name = item.name, why = item.why}
  end
  for i, item in ipairs(found.failed) do
    data.failed[i] = {type = item.type.type, name = item.name, error = item.error}
  end
  local json = require "tidelock.json"
  for _, name in ipairs {"files", "adopted", "left", "failed"} do data[name] = json.array(data[name]) end
  return json.encode(data, {indent = 2, sort = true})
end

-- What was asked for, as it was given.
local function asked_for(args)
  local words = {}
  for _, name in ipairs {"service", "type", "name", "tag"} do
    local given = args[name]
    for _, value in ipairs(type(given) == "table" and given or {given}) do
      words[#words + 1] = ("--%s %s"):format(name, value)
    end
  end
  return #words > 0 and " by " .. table.concat(words, " ") or ""
end

local function tell(found, here, out, args, ctx)
  if ctx:wants_json() then
    ctx:print(as_data(found, here, out))
  elseif out then
    ctx:print(("adopted: %d (%s)"):format(#found.items, counts(found)))
    for _, file in ipairs(out) do ctx:print("  " .. file.path) end
    ctx:print(("next: tidelock plan %s/adopted.lua --account %s/account.lua"):format(args.out, args.out))
  end
  if ctx:wants_json() then return end
  if #found.items == 0 then ctx:say("Nothing was found to adopt%s.", asked_for(args)) end
  tell_left(found, ctx)
  ctx:say("account %s, %s: %d requests in %.1f s, none of them a write", here.place.id, here.place.region,
    here.traffic.requests, here.seconds)
end

-- ## The command

local function one(arn, args, ctx)
  if args.out or args.service or args.type or args.tag or args.name then
    options.usage "an ARN stands alone: it says which resource, and its lines are printed"
  end
  local here = world(args, ctx)
  local item, why = require "resources.survey".by_arn(here.aws, arn)
  local say
  if item then say, why = want.of(item.type, require "tidelock.models", item.live, item.want) end
  if not say then
    error({exit = 1, code = "NotAdopted", message = ("%s cannot be adopted: %s."):format(arn, why)}, 0)
  end
  item.say = say
  ctx:print(files.together({item}, here.place, ""))
  return 0
end

local function run(args, ctx)
  if #args > 1 then options.usage(("one ARN at a time, not also %s"):format(args[2])) end
  if args[1] then return one(args[1], args, ctx) end
  if args.out then refuse_existing(args.out, {"account.lua", "adopted.lua"}) end      -- before an account is read
  local found, here = survey(args, ctx)
  local out
  if args.out then
    out = to_write(args.out, found, here)
    write(args.out, out)
  elseif not ctx:wants_json() and #found.items > 0 then
    ctx:print(files.together(found.items, here.place, account.prefix(found.items) or ""))
  end
  tell(found, here, out, args, ctx)
  return #found.failed > 0 and 1 or 0
end

local function names_of_types()
  local out = {}
  for i, t in ipairs(require "resources.survey".types()) do out[i] = t.type end
  return out
end

return {
  name = "adopt",
  about = "Read an account, and write an account file and the lines of a playbook for what is there",
  usage = "tidelock adopt [--service NAME] [--type TYPE] [--name PATTERN] [--tag KEY=VALUE] [--out FOLDER] | ARN",
  more = "It only reads. Without --out the lines are printed. A first plan of what it writes has nothing to do:\n"
    .. "  tidelock adopt --out accounts/main\n"
    .. "  tidelock plan accounts/main/adopted.lua --account accounts/main/account.lua",
  options = {
    {name = "service", value = "NAME", many = true, about = "only this service's, such as sqs",
      words = function() return require "resources".services() end},
    {name = "type", value = "TYPE", many = true, about = "only this resource type's, such as sqs.queue",
      words = names_of_types},
    {name = "name", value = "PATTERN", many = true, about = "only what is called so; * stands for any text"},
    {name = "tag", value = "KEY=VALUE", many = true, about = "only what has this tag; KEY alone for any value"},
    {name = "out", value = "FOLDER", about = "write the files there; nothing is overwritten"},
    {name = "concurrency", value = "N", number = true, least = 1, about = "requests in flight at once (default 32)"},
  },
  run = run,
}
