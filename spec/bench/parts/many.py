"""N list_queues by boto3 with so many in flight."""
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

COUNT, FLIGHT = int(sys.argv[1]), int(sys.argv[2])
CLIENT = boto3.client("sqs", config=Config(max_pool_connections=FLIGHT))


def one(_):
    return len(CLIENT.list_queues()["QueueUrls"])


if FLIGHT == 1:
    DONE = sum(map(one, range(COUNT)))
else:
    with ThreadPoolExecutor(FLIGHT) as pool:
        DONE = sum(pool.map(one, range(COUNT)))
assert DONE == 3 * COUNT
