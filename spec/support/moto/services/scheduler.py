"""scheduler: the refusals that moto leaves out, held to the API's pages: expressions, time zones, groups, targets."""
import re
import zoneinfo

from call import Refusal, operation

UNITS = "minute|minutes|hour|hours|day|days"
FIELD = re.compile(r"[0-9A-Za-z*?/,#-]+")


def fits(expression):
    kind, _, inner = expression.partition("(")
    if not inner.endswith(")"):
        return False
    inner = inner[:-1]
    if kind == "rate":
        found = re.fullmatch(rf"([1-9][0-9]*) ({UNITS})", inner)
        return found is not None and (int(found[1]) == 1) == (not found[2].endswith("s"))
    if kind == "at":
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner) is not None
    fields = inner.split()
    return (kind == "cron" and len(fields) == 6 and all(map(FIELD.fullmatch, fields))
            and (fields[2] == "?") != (fields[4] == "?"))


def check(call):
    given = call.params
    expression = given["ScheduleExpression"]
    if not fits(expression):
        raise Refusal("ValidationException", f"Invalid Schedule Expression {expression}.")
    zone = given.get("ScheduleExpressionTimezone")
    if zone and zone not in zoneinfo.available_timezones():
        raise Refusal("ValidationException", "Provided timezone is not valid.")
    group = given.get("GroupName") or "default"
    if group not in call.backend().schedule_groups:
        raise Refusal("ResourceNotFoundException", f"Schedule group {group} does not exist.")
    target = given["Target"]
    if "EcsParameters" in target and ":cluster/" not in target["Arn"]:
        raise Refusal("ValidationException", "Provided Arn is not in correct format.")
    dead = target.get("DeadLetterConfig", {}).get("Arn")
    if dead and ":sqs:" not in dead:
        raise Refusal("ValidationException", "Provided DeadLetterConfig Arn is not in correct format.")


def kept(call):
    group = call.params.get("GroupName") or "default"
    return call.backend().schedule_groups[group].schedules[call.params["Name"]]


@operation("scheduler", "CreateSchedule")
def create_schedule(call):
    check(call)
    return call.moto()


# An update replaces the whole schedule: what is not given goes back to its default.
@operation("scheduler", "UpdateSchedule")
def update_schedule(call):
    check(call)
    answer = call.moto()
    schedule = kept(call)
    schedule.state = call.params.get("State") or "ENABLED"
    schedule.action_after_completion = call.params.get("ActionAfterCompletion") or "NONE"
    return answer


@operation("scheduler", "CreateScheduleGroup")
def create_schedule_group(call):
    name = call.params["Name"]
    if name in call.backend().schedule_groups:
        raise Refusal("ConflictException", f"Schedule group {name} already exists.")
    return call.moto()


@operation("scheduler", "DeleteScheduleGroup")
def delete_schedule_group(call):
    name = call.params["Name"]
    if name == "default":
        raise Refusal("ValidationException", "The default schedule group cannot be deleted.")
    if name not in call.backend().schedule_groups:
        raise Refusal("ResourceNotFoundException", f"Schedule group {name} does not exist.")
    return call.moto()
