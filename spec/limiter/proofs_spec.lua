-- proofs_spec.lua -- docs/decisions/rate-limiter-proofs.md names a case for each thing that the limiter must hold: the
-- cases are there, and nothing of the list is left out.
local PAGE <const> = "docs/decisions/rate-limiter-proofs.md"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- What a page names: {file, case}, of one line; a case without a file is of the file before it.
local function named(line)
  local list, path, at = {}, nil, 1
  while true do
    local from, to, code, text = line:find('`?(spec/[%w_/%.]*)`? ?"(.-[^\\])"', at)
    local other_from, other_to, other = line:find('; "(.-[^\\])"', at)
    if other_from and (not from or other_from < from) then
      list[#list + 1] = {path, other}
      at = other_to + 1
    elseif from then
      path = code
      list[#list + 1] = {path, text}
      at = to + 1
    else
      return list
    end
  end
end

-- Faults of a page: cases that no spec has.
local function faults_of(page)
  local faults, cases = {}, 0
  for line in page:gmatch "[^\n]+" do
    for _, one in ipairs(line:find "^|" and named(line) or {}) do
      cases = cases + 1
      if not read(one[1]):find(one[2], 1, true) then faults[#faults + 1] = one[1] .. ": " .. one[2] end
    end
  end
  return faults, cases
end

describe("the page of proofs", function()
  it("names cases that are there", function()
    local faults, cases = faults_of(read(PAGE))
    assert.same({}, faults)
    assert.is_true(cases > 60, cases)
  end)

  it("has a line for each of R1 to R27, with a case in it", function()
    local page = read(PAGE)
    for i = 1, 27 do
      local line = page:match("\n(| R" .. i .. " |[^\n]*)")
      assert.is_string(line, "there is no line for R" .. i)
      assert.is_true(#named(line) > 0, "R" .. i .. " names no case")
    end
  end)

  it("would not do with a case that is gone", function()
    -- the second has a tab in it, and this file only the two signs for one
    local faults, cases = faults_of('| x | `spec/limiter/proofs_spec.lua` "names cases that are there"; '
      .. '"gone\tby now" |')
    assert.same({1, 2}, {#faults, cases})
  end)
end)
