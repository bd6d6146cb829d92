"""Signatures of requests to a server of the specs, SigV4 and SigV4a, of the key AKID with the secret "secret"."""
import hashlib
import hmac
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

KEY_ID, SECRET = "AKID", b"secret"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ECDSA = "AWS4-ECDSA-P256-SHA256"


class Wrong(Exception):
    """What came is not what should have come."""


def sha(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hmac_key(scope):
    key = b"AWS4" + SECRET
    for part in scope.split("/"):
        key = mac(key, part.encode())
    return key


def public_key():
    """SigV4a's, derived from the secret as AWS says (NIST SP 800-108, counter mode)."""
    for counter in range(1, 255):
        text = b"\0\0\0\1" + ECDSA.encode() + b"\0" + KEY_ID.encode() + bytes([counter]) + b"\0\0\1\0"
        number = int.from_bytes(mac(b"AWS4A" + SECRET, text), "big")
        if number <= ORDER - 2:
            return ec.derive_private_key(number + 1, ec.SECP256R1()).public_key()
    raise AssertionError("no key")


class Signatures:
    """Of a request, and of what follows it, each on the last."""

    def __init__(self, headers):
        auth = headers["authorization"]
        self.headers, self.algorithm = headers, auth.split(" ", 1)[0]
        key_id, self.scope = auth.split("Credential=")[1].split(",")[0].split("/", 1)
        self.names = auth.split("SignedHeaders=")[1].split(",")[0].split(";")
        self.previous = auth.rsplit("Signature=", 1)[1]
        self.date = headers["x-amz-date"]
        self.public = public_key() if self.algorithm == ECDSA else None
        if key_id != KEY_ID:
            raise Wrong(f"the key is {key_id}")

    def verify(self, text, given, scope, what):
        """`given` may be filled up with stars, as SigV4a's are in a chunk."""
        given = given.rstrip("*")
        if self.public is None:
            good = hmac.compare_digest(mac(hmac_key(scope), text.encode()).hex(), given)
        else:
            try:
                self.public.verify(bytes.fromhex(given), text.encode(), ec.ECDSA(hashes.SHA256()))
                good = True
            except (InvalidSignature, ValueError):
                good = False
        if not good:
            raise Wrong(f"the signature of {what} is wrong")
        self.previous = given

    def request(self, method, target, double):
        """Verifies the request's own; `double` is how all services but S3 encode the path."""
        path, _, query = target.partition("?")
        payload = self.headers["x-amz-content-sha256"]
        if "x-amz-content-sha256" not in self.names or "host" not in self.names:
            raise Wrong(f"only {self.names} are signed")
        canonical = "\n".join([method, urllib.parse.quote(path, safe="/~") if double else path,
                               "&".join(sorted(query.split("&"))),
                               *(f"{n}:{self.headers[n].strip()}" for n in self.names), "", ";".join(self.names),
                               payload])
        text = "\n".join([self.algorithm, self.date, self.scope, sha(canonical.encode())])
        self.verify(text, self.previous, self.scope, "the request")

    def check(self, kind, lines, given, what, date=None):
        """Verifies a piece's: `date` where it has its own."""
        date = date or self.date
        scope = "/".join([date[:8], *self.scope.split("/")[1:]])
        text = "\n".join([f"{self.algorithm}-{kind}", date, scope, self.previous, *lines])
        self.verify(text, given, scope, what)
