-- The shared config and credentials files.
local ini = require "aws.ini"

local function target(bytes)
  local list, why = ini.parse(bytes, "config")
  if not list then
    assert(type(why) == "string" and why:find("config, line %d+: "), "a refusal without a line")
    return
  end
  for _, section in ipairs(list) do assert(section.kind and section.values and section.line) end
end

local function seeds()
  return {
    "[default]\nregion = eu-west-1\n", "[profile \"a b\"]\naws_access_key_id : A=B:C\r\n", "# c\n; c\n\n[x]\na=b",
    "[default]\ns3 =\n  addressing_style = path\n\n  use_accelerate_endpoint=false\nregion = r\n",
    "[default]\ncredential_process = a\n   b\n", "[sso-session s]\n[profile 'x']\n= 1\nkey\n", "[a\n]b\n[]\n",
    "[services x]\nsqs = \n  endpoint_url = http://x\n\n", "\xef\xbb\xbf[default]\0\n",
  }
end

return target, seeds
