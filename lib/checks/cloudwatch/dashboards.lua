--- The pages to look at when something is wrong are there before it is, by name.
local control = require "checks"

return control {
  id = "cloudwatch-dashboards-expected", title = "Every expected dashboard is there", severity = "low",
  subjects = "expected.dashboard", needs = {"cloudwatch:ListDashboards"}, remedy = "harden/alarms",
  command = "tidelock call cloudwatch get-dashboard --dashboard-name {name} --region {region}",
  means = "Whoever is woken has to put the graphs together first.",
  todo = "Apply the playbook; tidelock drift says which pages were changed since.",
  read = function(aws, subject, world)
    for page in aws.cloudwatch:items("list_dashboards", {DashboardNamePrefix = world.account.prefix .. "-"}) do
      if page.DashboardName == subject.name then return {there = true} end
    end
    return {}
  end,
  test = function(live, subject)
    local verdict = control.judge(live.there, "it is there", "there is no such dashboard")
    verdict.remedy = subject.raw.remedy
    return verdict
  end,
}
