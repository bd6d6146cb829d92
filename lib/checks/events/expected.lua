--- 2.2, 2.3: the rules that tell of findings are there under the names that the playbooks give them, and on.
local control = require "checks"

return control {
  id = "events-rules-expected", title = "Every expected EventBridge rule is there and on", severity = "medium",
  requirement = "2.2, 2.3", subjects = "expected.rule", needs = {"events:DescribeRule"}, remedy = "harden/findings",
  command = "tidelock call events describe-rule --name {name} --region {region}",
  means = "What is found is told by no rule of ours; what tells of it instead, if anything does, is in no playbook.",
  todo = "Apply the playbook; tidelock drift says what else of its rules, topics and keys was changed, and by whom.",
  absent = {ResourceNotFoundException = "there is no such rule"},
  read = function(aws, subject) return aws.events:describe_rule {Name = subject.name} end,
  test = function(live) return control.judge(live.State == "ENABLED", "it is on", "it is disabled") end,
}
