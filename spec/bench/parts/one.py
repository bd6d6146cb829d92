"""One call by boto3, as a script would make it: what `tidelock call` is measured against."""
import sys

import boto3

SERVICE, OPERATION = sys.argv[1:3]
INPUT = {"put_item": {"TableName": "t", "Item": {"pk": {"S": "a"}}}}
print(getattr(boto3.client(SERVICE), OPERATION)(**INPUT.get(OPERATION, {})))
