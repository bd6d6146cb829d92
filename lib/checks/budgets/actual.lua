--- 3.2: an alert is sent when spend reaches 100 % of the month's budget.
local budget = require "checks.budget"
local control = require "checks"

return control {
  id = "budgets-actual-alert", title = "An alert is sent at 100 % of the budget by spend", severity = "medium",
  requirement = "3.2, 9.4", subjects = "account.global",
  needs = {"budgets:ViewBudget"}, remedy = "provision/costs",
  command = "tidelock call budgets describe-budgets --account-id {account}",
  means = "The month's bill is the first to tell that it is too high.",
  todo = "Give the budget a notification that reaches the cost topic.",
  absent = {NotFoundException = "there is no such budget"},
  read = budget.read "ACTUAL", test = budget.test("actual_percent", 100),
}
