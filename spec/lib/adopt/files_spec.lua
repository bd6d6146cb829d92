-- The files of an adopted account: order, handles in a file and across files, circles, account and region, names.
local files = require "adopt.files"

local PLACE <const> = {id = "123456789012", region = "eu-west-1"}

local function arn(service, rest) return ("arn:aws:%s:eu-west-1:123456789012:%s"):format(service, rest) end

local function item(kind, name, given, more)
  local live = {name = name}
  for key, value in pairs(more or {}) do live[key] = value end
  given.name = name
  return {type = {type = kind, keys = {"name"}, provides = {"arn", "url"}}, name = name, address = kind .. "/" .. name,
    live = live, say = {given = given, notes = {}}}
end

local function texts(items)
  local book, out = files.book(items, PLACE, "moon"), {}
  for _, file in ipairs(files.services(book)) do out[file.name] = file.text end
  out.main = files.main(book, {folder = "f", day = "2026-01-31", n = #items, left = {}, failed = {}})
  return out
end

describe("the files of an adopted account", function()
  it("have what others name before them, and handles in the place of ARNs", function()
    local out = texts {
      item("sqs.queue", "moon-a", {RedrivePolicy = {deadLetterTargetArn = arn("sqs", "moon-z")}},
        {arn = arn("sqs", "moon-a")}),
      item("sqs.queue", "moon-z", {}, {arn = arn("sqs", "moon-z")}),
      item("lambda.func", "moon-f", {Role = arn("iam", "role/moon-r"), Path = arn("sqs", "moon-a") .. ":x"}),
      item("iam.role", "moon-r", {}, {arn = arn("iam", "role/moon-r")}),
    }
    assert.matches('local z = ensure.sqs.queue {name = "moon%-z"}.*\n  RedrivePolicy', (out["sqs.lua"]:gsub(
      "{name = \"moon%-a\", RedrivePolicy", '\n  RedrivePolicy')))
    assert.matches("deadLetterTargetArn = z.arn", out["sqs.lua"])
    assert.matches("Role = var.iam.r", out["lambda.lua"])
    assert.matches('Path = var.sqs.a .. ":x"', out["lambda.lua"])
    assert.matches("output {r = r.arn}", out["iam.lua"])
    assert.matches('local iam = include "iam"\nlocal sqs = include "sqs"\ninclude%("lambda", {iam = iam, sqs = sqs}%)',
      out.main)
  end)
  it("cut a circle, with an ARN of account and region", function()
    local out = texts {
      item("sqs.queue", "moon-q", {Policy = arn("sns", "moon-t")}, {arn = arn("sqs", "moon-q")}),
      item("sns.topic", "moon-t", {Target = arn("sqs", "moon-q")}, {arn = arn("sns", "moon-t")}),
    }
    local both = out["sqs.lua"] .. out["sns.lua"]
    assert.matches("var%.s[qn]s%.[qt]", both)
    assert.matches('"arn:aws:s[qn]s:" .. account.region .. ":" .. account.id .. ":moon%-[qt]"', both)
  end)
  it("name no word of Lua or of playbooks, and nothing twice", function()
    local items = {}
    for i, name in ipairs {"moon-end", "moon-step", "moon-1st", "moon-a.b", "moon-a-b", "alias/moon-key"} do
      items[i] = item("sqs.queue", name, {}, {arn = arn("sqs", name)})
    end
    items[#items + 1] = item("iam.role", "moon-r", {Uses = {}}, {arn = arn("iam", "role/moon-r")})
    for i = 1, 6 do items[7].say.given.Uses[i] = items[i].live.arn end
    local seen = {}
    local text = texts(items)["sqs.lua"]
    for name in text:gmatch "local ([^ ]+) =" do
      assert.is_nil(seen[name], name)
      seen[name] = true
    end
    assert.is_true(seen.end_queue and seen.step_queue and seen.queue_1st and seen.a_b and seen.key)
    assert.is_function(assert(load(text, "=sqs.lua", "t", {})))
  end)
  it("are several for a service with much in it, each of which Lua can load", function()
    local items = {}
    for i = 1, 700 do
      local name = ("moon-%03d"):format(i)
      items[i] = item("sqs.queue", name, {Next = i > 1 and arn("sqs", ("moon-%03d"):format(i - 1)) or nil},
        {arn = arn("sqs", name)})
    end
    local out, n = texts(items), 0
    for name, text in pairs(out) do
      if name ~= "main" then
        n = n + 1
        assert.is_true(select(2, text:gsub("\n", "")) < 400, name)
      end
      assert.is_function(assert(load(text, "=" .. name, "t", {})))
    end
    assert.equal(5, n)
    assert.matches("Next = var.sqs_2%.", out["sqs-3.lua"])
    assert.matches('include%("sqs%-3", {sqs_2 = sqs_2}%)', out.main)
  end)
end)
