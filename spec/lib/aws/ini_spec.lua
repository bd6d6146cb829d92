local ini = require "aws.ini"

local function one(text) return assert(ini.parse(text, "f"))[1] end

describe("aws.ini", function()
  it("reads headings as the aws CLI does: kind, name, quotes", function()
    local list = assert(ini.parse('[default]\n[profile a]\n[profile "b c"]\n[sso-session s]\n', "f"))
    assert.same({"default", "profile", "profile", "sso-session"},
      {list[1].kind, list[2].kind, list[3].kind, list[4].kind})
    assert.same({"a", "b c", "s"}, {list[2].name, list[3].name, list[4].name})
  end)

  it("reads keys without regard to case, values without regard to blanks around them", function()
    assert.same({region = "eu-west-1", aws_access_key_id = "A=B:C"},
      one("[default]\nRegion=  eu-west-1  \r\naws_access_key_id : A=B:C\n").values)
  end)

  it("keeps # and ; inside a value and drops lines that begin with them", function()
    assert.same({output = "json # no comment"}, one("[default]\n# c\n; c\noutput = json # no comment\n").values)
  end)

  it("reads an indented block as a table of its own", function()
    assert.same({s3 = {addressing_style = "path", use_accelerate_endpoint = "false"}, region = "r"},
      one("[default]\ns3 =\n  addressing_style = path\n\n  use_accelerate_endpoint=false\nregion = r\n").values)
  end)

  it("joins an indented line to a text above it", function()
    assert.same({credential_process = "a\nb"}, one("[default]\ncredential_process = a\n   b\n").values)
  end)

  it("reads a section that is indented as a whole: only what is further in continues a key", function()
    local list = assert(ini.parse("[default]\n  region = r\n  s3 =\n    addressing_style = path\n  output = json\n"
      .. "  [profile a]\n\tregion = q\n\toutput = text\n", "f"))
    assert.same({region = "r", s3 = {addressing_style = "path"}, output = "json"}, list[1].values)
    assert.same({"a", {region = "q", output = "text"}}, {list[2].name, list[2].values})
  end)

  it("skips a byte order mark and keeps the line of a section", function()
    assert.equal(2, one("\xEF\xBB\xBF# x\n[default]\nregion = r").line)
  end)

  local FAULTS <const> = {
    {"region = x\n", "line 1: .*first %[heading%]"},
    {"[default\n", 'line 1: .*no "%]"'},
    {"[ ]\n", "line 1: .*no name"},
    {"[default]\nAKIAABC\n", "line 2: .*neither"},
    {"[a]\nx=1\n[a]\n", "line 3: .*second time"},
    {"[a]\nx=1\nX=2\n", 'line 3: "x" is set twice'},
    {"[a]\ns3 =\n  oops\n", 'line 3: .*"s3" above'},
    {"[a]\n= v\n", "line 2: .*neither"},
    {"[a]\nx = \0\n", "line 2: a NUL byte"},
  }
  for i, fault in ipairs(FAULTS) do
    it("refuses a broken file with name and line: " .. i, function()
      local sections, message = ini.parse(fault[1], "/home/u/.aws/config")
      assert.is_nil(sections)
      assert.matches("^/home/u/.aws/config, " .. fault[2], message)
    end)
  end

  it("never shows the line itself, which may be a secret", function()
    local _, message = ini.parse("[default]\nwJalrXUtnFEMI/K7MDENG\n", "f")
    assert.is_nil(message:find("wJalr", 1, true))
  end)
end)
