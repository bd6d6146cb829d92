-- playbooks_spec.lua -- the guide's examples, from top to bottom on an empty account: files written, commands run.
-- A command's comment says the exit code it must have ("exits 75"); 0 where it says none.
local fs = require "tidelock.fs"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

local GUIDE <const> = "docs/guide/playbooks.md"

--- The blocks of the page, in order: {kind = "lua" | "sh", text =, line =}.
local function blocks()
  local out, open, n = {}, nil, 0
  for line in io.lines(GUIDE) do
    n = n + 1
    local fence = line:match "^```(.*)$"
    if fence and not open then
      open = {kind = fence, lines = {}, line = n + 1}
    elseif fence then
      open.text = table.concat(open.lines, "\n") .. "\n"
      out[#out + 1], open = open, nil
    elseif open then
      table.insert(open.lines, line)
    end
  end
  return out
end

-- The words of a command line; double quotes hold words together.
local function words(text, dir)
  local out = {}
  local rest = text
  while rest:find "%S" do
    rest = rest:match "^%s*(.*)$"
    local word, more = rest:match '^"([^"]*)"(.*)$'
    if not word then word, more = rest:match "^(%S+)(.*)$" end
    if word:find "%.lua$" or word:find "%.plan$" then word = dir .. "/" .. word end
    out[#out + 1], rest = word, more
  end
  return out
end

describe("the guide to playbooks", function()
  local server <const> = moto.start()
  local dir <const> = fs.tempdir "guide_spec"
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function run(command)
    local env = {TIDELOCK_STATE = dir .. "/state", NO_COLOR = "1", CI = "1"}
    for k, v in pairs(server.env) do env[k] = v end
    return assert(proc.run(program.command(env, table.unpack(command))))
  end

  local commands, files = 0, 0
  for _, block in ipairs(blocks()) do
    if block.kind == "lua" then
      local name = assert(block.text:match "^%-%- ([%w_]+%.lua)\n", "a block of Lua begins with its file's name")
      files = files + 1
      it(("line %d: %s is written"):format(block.line, name), function()
        assert(fs.write(dir .. "/" .. name, block.text))
      end)
    else
      assert(block.kind == "sh", "a block is lua or sh")
      for i, line in ipairs(block.lines) do
        commands = commands + 1
        it(("line %d: %s"):format(block.line + i - 1, line), function()
          local text, comment = line:match "^tidelock ([^#]*)#?(.*)$"
          local wanted = tonumber(comment:match "^ exits (%d+)" or 0)
          local result = run(words(text, dir))
          assert.equal(wanted, result.code, result.stdout .. result.stderr)
          if comment:find "no write" or comment:find "nothing changes hands" then
            assert.matches(", 0 writes", result.stdout)
          end
        end)
      end
    end
  end
  it("has examples", function() assert.is_true(commands > 15 and files > 6) end)
end)
