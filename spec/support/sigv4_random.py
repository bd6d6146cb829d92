"""Random requests signed by botocore, as JSON: what sigv4_spec.lua holds tidelock's signatures to.
usage: sigv4_random.py SEED COUNT"""
import datetime
import json
import random
import sys
from urllib.parse import quote

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc)
LETTERS = "ab/.~-_ \u00e9+%=&$:@!*'()1Z"
NAMES = ["X-Amz-Meta-{}q", "x-{}q", "User-Agent", "Content-Type", "TE", "Range", "X-Amz-Target", "Expect", "Via"]


def text(letters, length):
    return "".join(random.choice(letters) for _ in range(random.randint(0, length)))


def a_path():
    if random.random() < 0.7:
        return "/" + quote(text(LETTERS, 20), safe="/~")
    return "/" + quote("/".join(random.choice(["", ".", "..", "a", "b c"]) for _ in range(6)))


def a_query(presign):
    pairs = [(quote(text(LETTERS, 6), safe="-_.~"), quote(text(LETTERS, 6), safe="-_.~"))
             for _ in range(random.choice([0, 0, 1, 3, 30]))]
    if presign:   # botocore keeps one of equal names there, and none that is empty
        pairs = [(k, v) for k, v in dict(pairs).items() if k]
    return "&".join(k + "=" + v for k, v in pairs if k or v)


def some_headers():
    headers = {}
    for _ in range(random.randint(0, 6)):
        name = random.choice(NAMES).format(text("abcXYZ", 5))
        if name.lower() not in {other.lower() for other in headers}:
            headers[name] = text(' \t a"b,c', 12)
    return headers


def a_case():
    s3, presign = random.random() < 0.4, random.random() < 0.3
    case = {
        "s3": s3, "presign": presign, "service": "s3" if s3 else random.choice(["sqs", "execute-api"]),
        "method": random.choice(["GET", "POST", "PUT"]), "path": a_path(), "query": a_query(presign),
        "headers": some_headers(), "body": "" if presign else text(LETTERS, 30).encode().hex(),
        "token": random.choice([False, "tok/en=="]), "secret": "sec/ret" + str(random.randint(1, 40)),
        "region": random.choice(["us-east-1", "eu-west-3"]), "scheme": random.choice(["https", "http"]),
        "host": random.choice(["h.example.com", "127.0.0.1:5000"]),
    }
    kind = ("S3" if s3 else "") + ("SigV4QueryAuth" if presign else "SigV4Auth")
    signer = getattr(auth, kind)(Credentials("AKID", case["secret"], case["token"] or None), case["service"],
                                 case["region"], **({"expires": 600} if presign else {}))
    url = "{scheme}://{host}{path}".format(**case) + ("?" + case["query"] if case["query"] else "")
    request = AWSRequest(case["method"], url, headers=dict(case["headers"]), data=bytes.fromhex(case["body"]))
    canonical = signer.canonical_request
    signer.canonical_request = lambda r: case.setdefault("canonical", canonical(r))
    signer.add_auth(request)
    signed = request.url if presign else request.headers["Authorization"]
    case["signature"] = signed.split("Signature=")[1]
    return case


auth.get_current_datetime = lambda *_, **__: NOW
random.seed(int(sys.argv[1]))
json.dump([a_case() for _ in range(int(sys.argv[2]))], sys.stdout)
