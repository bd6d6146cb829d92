--- 2.4: the clusters that the account file names are there.
local control = require "checks"

return control {
  id = "ecs-clusters-expected", title = "Every expected ECS cluster is there", severity = "high", requirement = "2.4",
  subjects = "expected.cluster", needs = {"ecs:DescribeClusters"},
  command = "tidelock call ecs describe-clusters --clusters {name} --region {region}",
  means = "Services that should run there do not.",
  todo = "Create the cluster, or take it out of the account file.",
  read = function(aws, subject) return aws.ecs:describe_clusters({clusters = {subject.name}}).clusters or {} end,
  test = function(live)
    if #live == 0 then return control.fail("there is no such cluster") end
    return control.judge(live[1].status == "ACTIVE", "active", "its status is " .. tostring(live[1].status))
  end,
}
