"""Holds a list of OCSF events (standard input) to the real schema: a line a fault, and how many events there were.

What the schema leaves open is held too: a member that no class or object of it knows is a fault, and a name beside an
id (status beside status_id) must be the id's own.
"""
import collections
import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

OBJECTS = {"compliance": "compliance", "finding_info": "finding_info", "cloud.account": "account"}


def captions(raw, name, profiles):
    """The words of an enumeration by its number, for all attributes of a class or an object."""
    found = {}
    source = raw["classes"].get(name) or raw["objects"].get(name)
    for attribute, about in source["attributes"].items():
        if about.get("profile") in (None, *profiles) and about.get("enum"):
            found[attribute] = {int(k): v["caption"] for k, v in about["enum"].items() if k.lstrip("-").isdigit()}
    return found


def faults(validator, event):
    for error in validator.iter_errors(event):
        yield "%s: %s" % ("/".join(map(str, error.absolute_path)) or "the event", error.message[:300])


def words(known, part, where):
    for attribute, names in known.items():
        sibling = attribute[:-len("_id")] if attribute.endswith("_id") else \
            attribute[:-len("_uid")] + "_name" if attribute.endswith("_uid") else None
        number = part.get(attribute)
        if sibling in part and number in names and number != 99 and part[sibling] != names[number]:
            yield f"{where}{sibling} is {part[sibling]!r} where {attribute} {number} is {names[number]!r}"


def main():
    events = json.load(sys.stdin)
    schemas, count = {}, collections.Counter()
    for n, event in enumerate(events):
        version, profiles = event["metadata"]["version"], tuple(event["metadata"].get("profiles", ()))
        key = version, event["class_uid"], profiles
        if key not in schemas:
            raw = get_ocsf_schema(version)
            schema = OcsfJsonSchema(raw)
            name = schema.lookup_class_name_from_uid(event["class_uid"])
            whole = OcsfJsonSchemaEmbedded(schema).get_class_schema(name, list(profiles))
            schemas[key] = raw, name, Draft202012Validator(whole)
        raw, name, validator = schemas[key]
        for fault in faults(validator, event):
            print(f"event {n}: {fault}")
        for fault in words(captions(raw, name, profiles), event, ""):
            print(f"event {n}: {fault}")
        for path, kind in OBJECTS.items():
            part = event
            for member in path.split("."):
                part = part.get(member, {})
            for fault in words(captions(raw, kind, profiles), part, path + "."):
                print(f"event {n}: {fault}")
        count[name] += 1
    print(", ".join(f"{n} events of {name}" for name, n in count.items()))


main()
