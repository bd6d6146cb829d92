"""The oracle of the differential specs: boto3 makes the call, a JSON line each way.

In:  {"service", "operation", "input", "endpoint", "region", "account"}
Out: {"output": ...} or {"error": {"code", "message", "status"}}

Timestamps come out as epoch seconds; bytes, both ways, as {"$bytes": base64}.
"""
import base64
import datetime
import json
import socket
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.eventstream import EventStream

LOOK_UP = socket.getaddrinfo
CLIENTS = {}
CONFIG = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"},
                inject_host_prefix=False)


def loopback(host, *args, **kwargs):
    """s3control puts the account before the host: 123456789012.127.0.0.1 is no name of DNS."""
    if isinstance(host, str) and host.endswith(".127.0.0.1"):
        host = "127.0.0.1"
    return LOOK_UP(host, *args, **kwargs)


def client(ask):
    key = (ask["service"], ask["account"], ask["region"])
    if key not in CLIENTS:
        CLIENTS[key] = boto3.client(
            ask["service"], endpoint_url=ask["endpoint"], region_name=ask["region"],
            aws_access_key_id=ask["account"], aws_secret_access_key="sandbox", config=CONFIG)
    return CLIENTS[key]


def inward(value):
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key: inward(item) for key, item in value.items()}
    if isinstance(value, list):
        return [inward(item) for item in value]
    return value


def outward(value):
    if isinstance(value, StreamingBody):
        value = value.read()
    if isinstance(value, EventStream):
        value = list(value)
    if isinstance(value, dict):
        return {key: outward(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [outward(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    return value


def answer(ask):
    made = client(ask)
    method = {name: snake for snake, name in made.meta.method_to_api_mapping.items()}
    try:
        return {"output": outward(getattr(made, method[ask["operation"]])(**inward(ask["input"])))}
    except ClientError as error:
        return {"error": {"code": error.response["Error"]["Code"],
                          "message": error.response["Error"].get("Message", ""),
                          "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}}
    except Exception as error:                # the case's own fault: told, not hidden
        return {"fault": f"{type(error).__name__}: {error}"}


def main():
    socket.getaddrinfo = loopback
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
