--- securityhub.standard: a standard that Security Hub checks by. It leans on the hub: give `after = hub`.
local resource = require "resources"

return resource {
  type = "securityhub.standard",
  about = "A standard of Security Hub: FSBP, CIS",
  key = {"StandardsArn"}, label = function(want) return want.StandardsArn:match "/(.+)$" or want.StandardsArn end,
  properties = {StandardsArn = {type = "string", required = true}},
  provides = {"arn", "status"},
  tags = false,
  absent = {"InvalidAccessException"},                   -- no hub yet: no standard

  check = function(want)
    if want.StandardsArn and not want.StandardsArn:find "^arn:[^:]+:securityhub:[^:]*:[^:]*:[^:]+/" then
      return {("StandardsArn %q is no standard's ARN; `tidelock call securityhub describe-standards` lists them")
        :format(want.StandardsArn)}
    end
  end,

  -- One that is being taken away is as good as gone.
  read = function(aws, want)
    for s in aws.securityhub:items("get_enabled_standards", {}) do
      if s.StandardsArn == want.StandardsArn and s.StandardsStatus ~= "DELETING" then
        return {StandardsArn = s.StandardsArn, arn = s.StandardsSubscriptionArn, status = s.StandardsStatus}
      end
    end
  end,

  all = function(aws)
    return resource.unless({"InvalidAccessException"}, function()
      local out = {}
      for s in aws.securityhub:items("get_enabled_standards", {}) do out[#out + 1] = {StandardsArn = s.StandardsArn} end
      return out
    end, {})
  end,

  create = function(aws, want)
    local s = aws.securityhub:batch_enable_standards {
      StandardsSubscriptionRequests = {{StandardsArn = want.StandardsArn}}}.StandardsSubscriptions[1]
    return {arn = s.StandardsSubscriptionArn, status = s.StandardsStatus}
  end,

  update = function() end,                               -- all there is of it is its key

  note = function(live)
    if live.status == "FAILED" or live.status == "INCOMPLETE" then
      return ("its status is %s: some of its controls could not be enabled; AWS Config must record first")
        :format(live.status)
    end
  end,

  delete = function(aws, live)
    aws.securityhub:batch_disable_standards {StandardsSubscriptionArns = {live.arn}}
  end,
}
