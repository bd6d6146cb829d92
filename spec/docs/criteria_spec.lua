-- criteria_spec.lua -- the table of the fifty criteria says what is so: files, controls and titles of specs that exist.
local checks = require "checks"

local TABLE <const> = "docs/criteria.md"

-- Rows {id, playbooks, controls, specs, unproved}, in order.
local function rows()
  local out = {}
  for line in io.lines(TABLE) do
    local id, _, playbooks, controls, specs, unproved = line:match
      "^| (%d+%.%d) |([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|$"
    if id then
      out[#out + 1] = {id = id, playbooks = playbooks, controls = controls, specs = specs,
        unproved = unproved:match "^%s*(.-)%s*$"}
    end
  end
  return out
end

local function quoted(cell) return cell:gmatch "`([^`]+)`" end

local function read(path)
  local file <close> = assert(io.open(path), path .. " is not there")
  return file:read "a"
end

-- Whether a spec has a title that begins with, or lists, the criterion's number.
local function is_titled(text, id)
  for title in text:gmatch "%f[%w][di][et]s?c?r?i?b?e?%s*%(*%(?[\"']([^\"'\n]*)" do
    if title:find("%f[%d]" .. id:gsub("%.", "%%.") .. "%f[^%d]") then return true end
  end
  return text:find('"' .. id .. '"', 1, true) ~= nil
end

describe("the table of criteria", function()
  local all, controls = rows(), {}
  setup(function()
    for _, control in ipairs(checks.all()) do controls[control.id] = control end
  end)

  it("has each of the fifty once, in order", function()
    local n = 0
    for requirement = 1, 10 do
      for criterion = 1, 5 do
        n = n + 1
        assert.equal(("%d.%d"):format(requirement, criterion), all[n] and all[n].id)
      end
    end
    assert.equal(50, #all)
  end)

  for _, row in ipairs(all) do
    it(row.id .. " names playbooks, controls and specs that are there", function()
      for name in quoted(row.playbooks) do read("playbooks/" .. name .. ".lua") end
      for id in quoted(row.controls) do
        assert.is_not_nil(controls[id], "there is no control " .. id)
      end
      local n = 0
      for path in quoted(row.specs) do
        n = n + 1
        assert.is_true(is_titled(read(path), row.id), path .. " has no title with " .. row.id)
      end
      assert.is_true(n > 0 or row.unproved ~= "", "it has neither a spec nor a word on why there is none")
    end)

    it(row.id .. " is named by the controls that it names, or is part of a week's plan", function()
      for id in quoted(row.controls) do
        local says = tostring(controls[id].requirement)
        local found = false
        for one in says:gmatch "%d+%.%d+" do found = found or one == row.id end
        assert.is_true(found or row.id:find "^10%." ~= nil, ("%s says %s"):format(id, says))
      end
    end)
  end
end)
