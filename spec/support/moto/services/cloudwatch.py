"""cloudwatch: alarms begin without data, tell their topics, keep a history, and compose."""
import datetime
import json

from moto.sns.models import sns_backends

from call import Refusal, operation


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def history(call):
    return call.state.setdefault("history", [])


def composites(call):
    return call.state.setdefault("composites", {})


def note(call, name, kind, summary, alarm_type="MetricAlarm"):
    history(call).append({"AlarmName": name, "AlarmType": alarm_type, "Timestamp": now(),
                          "HistoryItemType": kind, "HistorySummary": summary, "HistoryData": "{}"})


@operation("cloudwatch", "PutMetricAlarm")
def put_metric_alarm(call):
    name = call.params["AlarmName"]
    known = name in call.backend().alarms
    old = call.backend().alarms[name].state_value if known else "INSUFFICIENT_DATA"
    answer = call.moto()
    alarm = call.backend().alarms[name]
    alarm.update_state("Unchecked: Initial alarm creation" if not known else alarm.state_reason, "{}", old)
    if known:
        note(call, name, "ConfigurationUpdate", f'Alarm "{name}" updated')
    else:
        note(call, name, "ConfigurationUpdate", f'Alarm "{name}" created')
    return answer


def actions_of(alarm, state):
    return {"OK": alarm.ok_actions, "ALARM": alarm.alarm_actions,
            "INSUFFICIENT_DATA": alarm.insufficient_data_actions}[state]


def tell(call, alarm, old, new, reason):
    message = json.dumps({"AlarmName": alarm.name, "AlarmArn": alarm.alarm_arn, "AWSAccountId": call.account,
                          "NewStateValue": new, "OldStateValue": old, "NewStateReason": reason,
                          "StateChangeTime": now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")})
    for target in actions_of(alarm, new) or []:
        parts = target.split(":")
        if len(parts) > 5 and parts[2] == "sns":
            backend = sns_backends[parts[4]][parts[3]]
            if target in backend.topics:
                backend.publish(message, target, subject=f'{new}: "{alarm.name}"'[:100])
                note(call, alarm.name, "Action", f"Successfully executed action {target}")


@operation("cloudwatch", "SetAlarmState")
def set_alarm_state(call):
    name, new = call.params["AlarmName"], call.params["StateValue"]
    if name in composites(call):
        composites(call)[name].update(StateValue=new, StateReason=call.params["StateReason"],
                                      StateUpdatedTimestamp=now())
        return {}
    alarm = call.backend().alarms.get(name)
    old = alarm.state_value if alarm else None
    answer = call.moto()
    if alarm and old != new:
        note(call, name, "StateUpdate", f"Alarm updated from {old} to {new}")
        if alarm.actions_enabled:
            tell(call, alarm, old, new, call.params["StateReason"])
    return answer


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call):
    given = dict(call.params)
    name, rule = given["AlarmName"], given["AlarmRule"]
    if not any(word in rule for word in ("ALARM(", "OK(", "INSUFFICIENT_DATA(", "TRUE", "FALSE")):
        raise Refusal("ValidationError", "AlarmRule must hold an ALARM, OK or INSUFFICIENT_DATA function")
    given.pop("Tags", None)
    old = composites(call).get(name, {})
    given.update(AlarmArn=call.arn(f"alarm:{name}"), AlarmConfigurationUpdatedTimestamp=now(),
                 StateValue=old.get("StateValue", "OK"), StateReason="", StateUpdatedTimestamp=now())
    given.setdefault("ActionsEnabled", True)
    for kind in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        given.setdefault(kind, [])
    composites(call)[name] = given
    return {}


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(call):
    """Composite alarms come only when AlarmTypes asks for them."""
    answer = call.moto()
    kinds = call.params.get("AlarmTypes") or ["MetricAlarm"]
    names, prefix = call.params.get("AlarmNames"), call.params.get("AlarmNamePrefix", "")
    if "MetricAlarm" not in kinds:
        answer["MetricAlarms"] = []
    answer["CompositeAlarms"] = [c for n, c in composites(call).items() if "CompositeAlarm" in kinds
                                 and (not names or n in names) and n.startswith(prefix)]
    return answer


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(call):
    mine = [n for n in call.params["AlarmNames"] if n in composites(call)]
    for name in mine:
        del composites(call)[name]
    if mine and len(mine) == len(call.params["AlarmNames"]):
        return {}
    return call.moto()


@operation("cloudwatch", "DescribeAlarmHistory")
def describe_alarm_history(call):
    name, kind = call.params.get("AlarmName"), call.params.get("HistoryItemType")
    found = [h for h in reversed(history(call)) if name in (None, h["AlarmName"])
             and kind in (None, h["HistoryItemType"])]
    return {"AlarmHistoryItems": found[:call.params.get("MaxRecords", 100)]}
