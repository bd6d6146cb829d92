--- Nobody on the internet reaches a database or cache.
local control = require "checks"

local PORTS <const> = {5432, 3306, 6379, 11211, 22, 3389}

local function open(rule)
  for _, range in ipairs(rule.IpRanges or {}) do
    if range.CidrIp == "0.0.0.0/0" then return range.CidrIp end
  end
  for _, range in ipairs(rule.Ipv6Ranges or {}) do
    if range.CidrIpv6 == "::/0" then return range.CidrIpv6 end
  end
end

return control {
  id = "ec2-ports-closed", title = "No security group opens a database, cache or shell to the world",
  severity = "critical", fsbp = "EC2.19", cis = "5.2, 5.3", requirement = "1.4", subjects = "ec2.security_group",
  needs = {}, command = "tidelock call ec2 describe-security-groups --group-ids {name} --region {region}",
  means = "Everybody on the internet may try it.",
  todo = "Let in the security groups that need it, not addresses.",
  test = function(live)
    local found = {}
    for _, rule in ipairs(live.IpPermissions or {}) do
      local who = open(rule)
      for _, port in ipairs(who and PORTS or {}) do
        local from, to = rule.FromPort or 0, rule.ToPort or 65535
        if rule.IpProtocol == "-1" or (port >= from and port <= to) then found[#found + 1] = tostring(port) end
      end
    end
    return control.judge(#found == 0, "closed", "open to the world: port " .. table.concat(found, ", "))
  end,
}
