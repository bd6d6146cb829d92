"""budgets: updates, notifications and subscribers, each converging by itself."""
import datetime
import decimal
import re

from call import Refusal, operation

MAX_SUBSCRIBERS, MAX_NOTIFICATIONS = 11, 10


def budgets(call):
    """name -> {"budget", "notifications": [{"of", "subscribers"}]}"""
    if call.params["AccountId"] != call.account:
        raise Refusal("AccessDeniedException", f"Account {call.account} is not authorized to act on"
                      f" account {call.params['AccountId']}")
    return call.state.setdefault("budgets", {})


def one(call):
    name = call.params["BudgetName"]
    found = budgets(call).get(name)
    if found is None:
        raise Refusal("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
    return found


def amount(spend, path):
    try:
        value = decimal.Decimal(spend["Amount"])
    except decimal.InvalidOperation:
        raise Refusal("InvalidParameterException", f"{path}.Amount is not a number") from None
    if value <= 0:
        raise Refusal("InvalidParameterException", f"{path}.Amount must be greater than 0")
    return str(value) if "." in str(value) else f"{value}.0"


def prepare(budget):
    now = datetime.datetime.now(datetime.timezone.utc)
    if "BudgetLimit" not in budget and "PlannedBudgetLimits" not in budget \
       and "AutoAdjustData" not in budget:
        raise Refusal("InvalidParameterException", "BudgetLimit is missing")
    if "BudgetLimit" in budget:
        unit = budget["BudgetLimit"]["Unit"]
        if budget["BudgetType"] == "COST" and unit != "USD":
            raise Refusal("InvalidParameterException", f"Unit {unit} is not USD")
        budget["BudgetLimit"] = {"Amount": amount(budget["BudgetLimit"], "BudgetLimit"), "Unit": unit}
    if budget["BudgetType"] == "COST" and "FilterExpression" not in budget:
        types = {"IncludeTax": True, "IncludeSubscription": True, "UseBlended": False,
                 "IncludeRefund": True, "IncludeCredit": True, "IncludeUpfront": True,
                 "IncludeRecurring": True, "IncludeOtherSubscription": True,
                 "IncludeSupport": True, "IncludeDiscount": True, "UseAmortized": False}
        budget["CostTypes"] = {**types, **budget.get("CostTypes", {})}
    period = budget.setdefault("TimePeriod", {})
    period.setdefault("Start", now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    period.setdefault("End", datetime.datetime(2087, 6, 15, tzinfo=datetime.timezone.utc))
    budget.setdefault("CostFilters", {})
    budget["CalculatedSpend"] = {"ActualSpend": {"Amount": "0", "Unit": "USD"}}
    budget["LastUpdatedTime"] = now
    budget["HealthStatus"] = {"Status": "HEALTHY", "LastUpdatedTime": now}
    return budget


def check_notification(note):
    if note["Threshold"] <= 0 or note["Threshold"] > 15e12:
        raise Refusal("InvalidParameterException", "Threshold must be from above 0 to 15000000000000")
    note.setdefault("ThresholdType", "PERCENTAGE")
    note.setdefault("NotificationState", "OK")
    return note


def check_subscribers(subscribers):
    if not 1 <= len(subscribers) <= MAX_SUBSCRIBERS:
        raise Refusal("InvalidParameterException", "a notification has from 1 to 11 subscribers")
    if sum(s["SubscriptionType"] == "SNS" for s in subscribers) > 1:
        raise Refusal("InvalidParameterException", "a notification has at most one SNS subscriber")
    for s in subscribers:
        address, sns = s["Address"], s["SubscriptionType"] == "SNS"
        if sns != bool(re.match(r"arn:aws[a-z-]*:sns:", address)) or not (sns or "@" in address):
            raise Refusal("InvalidParameterException", f"Invalid subscriber address: {address}")


def same(a, b):
    keys = ("NotificationType", "ComparisonOperator", "Threshold")
    return all(a[k] == b[k] for k in keys) and \
        a.get("ThresholdType", "PERCENTAGE") == b.get("ThresholdType", "PERCENTAGE")


def find(found, note, must=True):
    for entry in found["notifications"]:
        if same(entry["of"], note):
            return entry
    if must:
        raise Refusal("NotFoundException", "Unable to find the notification in the budget.")
    return None


def add(found, note, subscribers):
    if find(found, note, must=False) is not None:
        raise Refusal("DuplicateRecordException", "The notification already exists in the budget.")
    if len(found["notifications"]) >= MAX_NOTIFICATIONS:
        raise Refusal("CreationLimitExceededException", "a budget has at most 10 notifications")
    check_subscribers(subscribers)
    found["notifications"].append({"of": check_notification(note), "subscribers": subscribers})


@operation("budgets", "CreateBudget")
def create_budget(call):
    budget = call.params["Budget"]
    name, known = budget["BudgetName"], budgets(call)
    if name in known:
        raise Refusal("DuplicateRecordException",
                      f"Error creating budget: {name} - the budget already exists.")
    found = {"budget": prepare(budget), "notifications": [],
             "tags": call.params.get("ResourceTags", [])}
    for item in call.params.get("NotificationsWithSubscribers", []):
        add(found, item["Notification"], item["Subscribers"])
    known[name] = found
    return {}


@operation("budgets", "UpdateBudget")
def update_budget(call):
    budget = call.params["NewBudget"]
    found = budgets(call).get(budget["BudgetName"])
    if found is None:
        raise Refusal("NotFoundException", f"Unable to update budget: {budget['BudgetName']} - the"
                      " budget doesn't exist.")
    if budget["TimeUnit"] != found["budget"]["TimeUnit"]:
        raise Refusal("InvalidParameterException", "the time unit of a budget can't change")
    found["budget"] = prepare(budget)
    return {}


@operation("budgets", "DescribeBudget")
def describe_budget(call):
    return {"Budget": one(call)["budget"]}


@operation("budgets", "DescribeBudgets")
def describe_budgets(call):
    return {"Budgets": [b["budget"] for b in budgets(call).values()]}


@operation("budgets", "DeleteBudget")
def delete_budget(call):
    one(call)
    del budgets(call)[call.params["BudgetName"]]
    return {}


@operation("budgets", "DescribeNotificationsForBudget")
def describe_notifications(call):
    return {"Notifications": [n["of"] for n in one(call)["notifications"]]}


@operation("budgets", "CreateNotification")
def create_notification(call):
    add(one(call), call.params["Notification"], call.params["Subscribers"])
    return {}


@operation("budgets", "UpdateNotification")
def update_notification(call):
    found = one(call)
    old, new = call.params["OldNotification"], call.params["NewNotification"]
    entry = find(found, old)
    if not same(old, new) and find(found, new, must=False) is not None:
        raise Refusal("DuplicateRecordException", "The notification already exists in the budget.")
    entry["of"] = check_notification(new)
    return {}


@operation("budgets", "DeleteNotification")
def delete_notification(call):
    found = one(call)
    found["notifications"].remove(find(found, call.params["Notification"]))
    return {}


@operation("budgets", "DescribeSubscribersForNotification")
def describe_subscribers(call):
    return {"Subscribers": find(one(call), call.params["Notification"])["subscribers"]}


@operation("budgets", "CreateSubscriber")
def create_subscriber(call):
    entry, new = find(one(call), call.params["Notification"]), call.params["Subscriber"]
    if new in entry["subscribers"]:
        raise Refusal("DuplicateRecordException", "The subscriber already exists.")
    check_subscribers(entry["subscribers"] + [new])
    entry["subscribers"].append(new)
    return {}


@operation("budgets", "UpdateSubscriber")
def update_subscriber(call):
    entry = find(one(call), call.params["Notification"])
    old, new = call.params["OldSubscriber"], call.params["NewSubscriber"]
    if old not in entry["subscribers"]:
        raise Refusal("NotFoundException", "The subscriber does not exist.")
    after = [new if s == old else s for s in entry["subscribers"]]
    check_subscribers(after)
    entry["subscribers"] = after
    return {}


@operation("budgets", "DeleteSubscriber")
def delete_subscriber(call):
    entry, gone = find(one(call), call.params["Notification"]), call.params["Subscriber"]
    if gone not in entry["subscribers"]:
        raise Refusal("NotFoundException", "The subscriber does not exist.")
    if len(entry["subscribers"]) == 1:
        raise Refusal("InvalidParameterException",
                      "the last subscriber goes with its notification: delete that")
    entry["subscribers"].remove(gone)
    return {}


def by_arn(call):
    name = call.params["ResourceARN"].rpartition("budget/")[2]
    found = call.state.setdefault("budgets", {}).get(name)
    if found is None:
        raise Refusal("NotFoundException", f"there is no budget {call.params['ResourceARN']}")
    return found


@operation("budgets", "ListTagsForResource")
def list_tags(call):
    return {"ResourceTags": by_arn(call)["tags"]}


@operation("budgets", "TagResource")
def tag_resource(call):
    found, new = by_arn(call), call.params["ResourceTags"]
    keys = {t["Key"] for t in new}
    found["tags"] = [t for t in found["tags"] if t["Key"] not in keys] + new
    return {}


@operation("budgets", "UntagResource")
def untag_resource(call):
    found = by_arn(call)
    found["tags"] = [t for t in found["tags"] if t["Key"] not in call.params["ResourceTagKeys"]]
    return {}
