"""Is a request signed as SigV4 says, with a secret this sandbox knows?

Written from the specification alone, so that the client under test is not
judged by code it shares a mistake with.
"""
import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote, unquote_to_bytes

# Keys that need no IAM user. A 12-digit id is an account of its own.
SECRETS = {
    "AKIASANDBOXSANDBOX00": "sandbox-secret-sandbox-secret-sandbox-00",
    "AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "test": "test",
}
ACCOUNT_SECRET = "sandbox"
SKEW = 15 * 60


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def secret_of(access_key):
    """(secret, session token or None), or None where nobody knows the key."""
    if access_key in SECRETS:
        return SECRETS[access_key], None
    if re.fullmatch(r"\d{12}", access_key):
        return ACCOUNT_SECRET, None
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends
    for account in list(iam_backends.values()):
        for backend in list(account.values()):
            key = backend.access_keys.get(access_key)
            if key is not None:
                return key.secret_access_key, None
    for account in list(sts_backends.values()):
        for backend in list(account.values()):
            for role in backend.assumed_roles:
                if role.access_key_id == access_key:
                    return role.secret_access_key, role.session_token
    return None


def parse_header(text):
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),"
                         r"\s*Signature=([0-9a-f]{64})", text.strip())
    if match is None:
        raise Refused("IncompleteSignature", "the Authorization header is not one of SigV4")
    return match.groups()


def canonical_path(target, service):
    path = target.partition("?")[0] or "/"
    if service == "s3":
        return path
    parts = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    out = "/" + "/".join(parts)
    if path.endswith("/") and out != "/":
        out += "/"
    return quote(out, safe="/-._~")


def canonical_query(target, skip=()):
    pairs = []
    for item in filter(None, target.partition("?")[2].split("&")):
        name, _, value = item.partition("=")
        name, value = unquote_to_bytes(name), unquote_to_bytes(value.replace("+", "%2B"))
        pairs.append((quote(name, safe="-._~"), quote(value, safe="-._~")))
    return "&".join(f"{n}={v}" for n, v in sorted(pairs) if n not in skip)


def canonical_headers(headers, signed):
    out = []
    for name in signed.split(";"):
        values = [" ".join(v.split()) for n, v in headers if n.lower() == name]
        out.append(f"{name}:{','.join(values)}\n")
    return "".join(out)


def signing_key(secret, date, region, service):
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def payload_hash(lower, body, presigned, service):
    said = lower.get("x-amz-content-sha256")
    if presigned and service == "s3":
        return said or "UNSIGNED-PAYLOAD"
    if said and not re.fullmatch(r"[0-9a-f]{64}", said):
        return said                           # UNSIGNED-PAYLOAD, STREAMING-...
    real = hashlib.sha256(body).hexdigest()
    if said and said != real:
        raise Refused("XAmzContentSHA256Mismatch",
                      "the x-amz-content-sha256 header is not the hash of the body")
    return real


def check_time(stamp, expires, now):
    try:
        signed = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("IncompleteSignature", "X-Amz-Date is missing or no date") from None
    if signed > now + SKEW:
        raise Refused("InvalidSignatureException", f"Signature not yet current: {stamp}")
    if signed + (expires if expires is not None else SKEW) < now:
        raise Refused("InvalidSignatureException", f"Signature expired: {stamp} is now earlier"
                      f" than {time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}")


def check(method, target, headers, query, body, now=None):
    """Returns quietly for a right signature, or for none at all; else raises Refused."""
    lower = {name.lower(): value for name, value in headers}
    presigned = "X-Amz-Signature" in query
    if presigned:
        credential, signed, signature = (query.get("X-Amz-Credential", ""),
                                         query.get("X-Amz-SignedHeaders", ""),
                                         query["X-Amz-Signature"])
        stamp, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token")
        expires = int(query.get("X-Amz-Expires", 900))
    elif lower.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        credential, signed, signature = parse_header(lower["authorization"])
        stamp, token, expires = lower.get("x-amz-date", ""), lower.get("x-amz-security-token"), None
    else:
        return
    scope = credential.split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise Refused("IncompleteSignature", f"the credential scope {credential} is not one")
    access_key, date, region, service, _ = scope
    known = secret_of(access_key)
    if known is None:
        raise Refused("UnrecognizedClientException", "The security token included in the request"
                      f" is invalid: the sandbox does not know the access key {access_key}")
    if known[1] is not None and known[1] != token:
        raise Refused("UnrecognizedClientException",
                      "The security token included in the request is not that of its access key")
    check_time(stamp, expires, time.time() if now is None else now)
    if "host" not in signed.split(";"):
        raise Refused("InvalidSignatureException", "the Host header must be signed")
    request = "\n".join((method, canonical_path(target, service),
                         canonical_query(target, ("X-Amz-Signature",)),
                         canonical_headers(headers, signed), signed,
                         payload_hash(lower, body, presigned, service)))
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, "/".join(scope[1:]),
                      hashlib.sha256(request.encode("latin-1")).hexdigest()))
    key = signing_key(known[0], date, region, service)
    if not hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature):
        raise Refused("SignatureDoesNotMatch", "The request signature we calculated does not match"
                      " the signature you provided. The canonical request should have been\n" + request)
