"""events: what a pattern lets through, by moto's own matcher of patterns."""
import json

from call import Refusal, operation
from moto.events.models import EventPattern

NEEDED = ("id", "account", "source", "time", "region", "resources", "detail-type")


@operation("events", "TestEventPattern")
def test_event_pattern(call):
    try:
        event, pattern = json.loads(call.params["Event"]), json.loads(call.params["EventPattern"])
    except ValueError:
        raise Refusal("InvalidEventPatternException", "Event pattern is not valid. Reason: it is no JSON") from None
    missing = [name for name in NEEDED if name not in event]
    if missing:
        raise Refusal("ValidationException", f"Parameter(s) {', '.join(missing)} of the event must be specified")
    return {"Result": EventPattern(call.params["EventPattern"], pattern).matches_event(event)}
