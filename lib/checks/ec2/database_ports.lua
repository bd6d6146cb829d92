--- Nobody on the internet reaches a database, a cache, a shell, or what else EC2.19 takes for dangerous.
local control = require "checks"

-- Those of EC2.19, from FTP to Elasticsearch, and what it leaves out: Oracle, Redis, memcached, MongoDB.
local PORTS <const> = {20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 1521, 3000, 3306, 3389, 4333, 5000, 5432,
  5500, 5601, 6379, 8080, 8088, 8888, 9200, 9300, 11211, 27017}
local NAMED <const> = 6

local function open(rule)
  for _, range in ipairs(rule.IpRanges or {}) do
    if range.CidrIp == "0.0.0.0/0" then return range.CidrIp end
  end
  for _, range in ipairs(rule.Ipv6Ranges or {}) do
    if range.CidrIpv6 == "::/0" then return range.CidrIpv6 end
  end
end

-- Protocols that have ports: all of them, TCP and UDP by name or number.
local CARRIES <const> = {["-1"] = true, tcp = true, udp = true, ["6"] = true, ["17"] = true}

local function is_within(rule, port)
  return rule.IpProtocol == "-1" or port >= (rule.FromPort or 0) and port <= (rule.ToPort or 65535)
end

return control {
  id = "ec2-ports-closed", title = "No security group opens a database, cache, shell or the like to the world",
  severity = "critical", fsbp = "EC2.19", cis = "5.2, 5.3", requirement = "1.4", subjects = "ec2.security_group",
  needs = {}, command = "tidelock call ec2 describe-security-groups --group-ids {name} --region {region}",
  means = "Everybody on the internet may try it.",
  todo = "Let in the security groups that need it, not addresses.",
  test = function(live)
    local found, seen = {}, {}
    for _, rule in ipairs(live.IpPermissions or {}) do
      for _, port in ipairs(open(rule) and CARRIES[rule.IpProtocol] and PORTS or {}) do
        if not seen[port] and is_within(rule, port) then found[#found + 1] = tostring(port) end
        seen[port] = seen[port] or is_within(rule, port)
      end
    end
    return control.judge(#found == 0, "closed", ("open to the world: port %s%s"):format(
      table.concat(found, ", ", 1, math.min(#found, NAMED)), #found > NAMED
      and (" and %d more"):format(#found - NAMED) or ""))
  end,
}
