--- The words that are barriers: step, wait_until, check, approve, park. A plan only gives them their place.
local contains = require "lists".contains
local suggest = require "suggest"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"

local barriers = {}

local WORDS <const> = {
  step = {"run", "undo", "probe", "retry", "timeout", "when", "confirm", "later", "about"},
  wait_until = {"test", "timeout", "every", "about"},
  check = {"test", "timeout", "severity", "absent", "about"},
}
local OF_CONTROLS <const> = {"controls", "service", "requirement", "tag", "severity", "about"}

local function check_words(engine, kind, name, spec, words)
  for key in pairs(spec) do
    if not contains(words, key) then
      engine:fault("%s %q: %s is not known%s", kind, name, tostring(key), suggest.phrase(key, words))
    end
  end
end

local SEVERITIES <const> = {"critical", "high", "medium", "low", "warning"}

-- What a word takes that is neither a function nor a span of time: how that is said, and whether a value is so.
local TAKES <const> = {
  retry = {"a whole number from 0 on", function(v) return math.type(v) == "integer" and v >= 0 end},
  confirm = {"text, which a person types", function(v) return type(v) == "string" and v ~= "" end},
  later = {"true or false", function(v) return type(v) == "boolean" end},
  about = {"text", function(v) return type(v) == "string" end},
  severity = {"one of " .. table.concat(SEVERITIES, ", "), function(v) return contains(SEVERITIES, v) end},
}

local function check_values(engine, kind, name, spec)
  for _, word in ipairs(vars.names(TAKES)) do
    local value, row = spec[word], TAKES[word]
    if value ~= nil and not unknown.is(value) and not row[2](value) then
      engine:fault("%s %q: %s must be %s%s", kind, name, word, row[1],
        word == "severity" and suggest.phrase(tostring(value), SEVERITIES) or "")
    end
  end
end

-- Of a check: error codes that mean "there is none", and what to say then.
local function check_absent(engine, name, absent)
  if type(absent) ~= "table" then
    engine:fault("check %q: absent must be a table of error codes and sentences", name)
    return
  end
  for code, sentence in pairs(absent) do
    if type(code) ~= "string" or type(sentence) ~= "string" then
      engine:fault('check %q: absent says what an error code means: absent = {NotFound = "there is none"}', name)
      return
    end
  end
end

local function check_spec(engine, kind, name, spec, needed)
  if type(spec) ~= "table" then
    engine:fault("%s %q takes a table with %s", kind, name, needed)
    return false
  end
  check_words(engine, kind, name, spec, WORDS[kind])
  check_values(engine, kind, name, spec)
  for _, word in ipairs {"run", "undo", "probe", "test"} do
    if spec[word] ~= nil and type(spec[word]) ~= "function" then
      engine:fault("%s %q: %s must be a function", kind, name, word)
    end
  end
  if spec.absent ~= nil then check_absent(engine, name, spec.absent) end
  if spec.later and spec.confirm == nil then
    engine:fault("%s %q: later says that it may wait for a confirmation, but it asks for none; add confirm", kind, name)
  end
  if spec[needed] == nil then
    engine:fault("%s %q has no %s function", kind, name, needed)
    return false
  end
  for _, word in ipairs {"timeout", "every"} do
    if spec[word] ~= nil then
      local seconds, why = vars.seconds(spec[word])
      if seconds == 0 and word == "every" then why = "must be longer than nothing" end
      if why then engine:fault("%s %q: %s %s", kind, name, word, why) end
    end
  end
  return true
end

local function place(entry) return {address = entry.kind .. " " .. ("%q"):format(entry.name), barrier = true} end

-- In a plan a barrier only takes its place in the sequence; in a run the workflow does it.
local function pass(engine, entry)
  if engine.mode == "apply" and #engine.faults == 0 then return engine.workflow:perform(engine, entry) end
  return unknown.field(place(entry), {})
end

local function body(engine, kind, needed)
  return function(name, spec)
    if not check_spec(engine, kind, name, spec, needed) then return unknown.poison() end
    return pass(engine, engine:barrier {kind = kind, name = name, spec = spec})
  end
end

local function word(engine, kind, needed)
  return engine:named(kind, ('%s "name" {%s = function() ... end}'):format(kind, needed), body(engine, kind, needed))
end

-- check "name" {test = function} or, of the controls in lib/checks, check "name" {controls = "rds-*"}.
local function check_word(engine)
  local plain = body(engine, "check", "test")
  return engine:named("check", 'check "name" {test = function() ... end}', function(name, spec)
    local controls = type(spec) == "table" and not spec.test and require "checks.word"
    if controls and controls.names_controls(spec) then
      check_words(engine, "check", name, spec, OF_CONTROLS)
      check_values(engine, "check", name, spec)
      local ok, made = pcall(controls.spec, engine, spec)
      if not ok then
        engine:fault("check %q: %s", name, type(made) == "table" and made.message or tostring(made))
        return unknown.poison()
      end
      spec = made
    end
    return plain(name, spec)
  end)
end

local function approve_word(engine)
  return function(name)
    if type(name) ~= "string" or name == "" then
      engine:fault('approve takes a name: approve "cut over"')
      return
    end
    pass(engine, engine:barrier {kind = "approve", name = name})
  end
end

local function park_word(engine)
  return function(spec)
    if type(spec) == "string" then spec = {spec} end
    local seconds, why = vars.seconds(type(spec) == "table" and spec[1] or "")
    if not seconds then
      engine:fault('park %s: park {"24h", why = "soak"}', why)
      return
    end
    local name = spec.name or (spec.why and spec.why or "park " .. tostring(spec[1]))
    pass(engine, engine:barrier {kind = "park", name = name, seconds = seconds, why = spec.why})
  end
end

--- The words for the playbook that `engine` runs, by their names.
function barriers.words(engine)
  return {step = word(engine, "step", "run"), wait_until = word(engine, "wait_until", "test"),
    check = check_word(engine), approve = approve_word(engine), park = park_word(engine)}
end

return barriers
