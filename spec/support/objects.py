"""A store for S3's large objects on loopback, which keeps nothing: it checks what comes and makes up what goes.

usage: objects.py [--tls CERT KEY] --stdin

PUT /BUCKET/KEY     reads the body, framed or not; answers what it saw as JSON in the header x-amz-version-id,
                    and 400 where lengths, sums or signatures (of a framed body, its chunks and trailers) are wrong
PUT /BUCKET/refuse  answers 403 after the head, and closes
GET /BUCKET/N       N bytes with their CRC32; /BUCKET/N-wrong: with another one; /BUCKET/N-short: half of them
POST anything       the frames of an event stream that were put before: PUT /frames/
"""
import base64
import hashlib
import json
import ssl
import socket
import sys
import threading
import zlib

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from httpd import Closed, Connection, linger, watch_stdin  # noqa: E402
from signatures import Signatures, Wrong  # noqa: E402

EMPTY = hashlib.sha256(b"").hexdigest()
BLOCK = bytes(range(256)) * 1024
FRAMES = {}


class Sums:
    def __init__(self):
        self.crc, self.length = 0, 0

    def add(self, data):
        self.crc = zlib.crc32(data, self.crc)
        self.length += len(data)

    def text(self):
        return base64.b64encode(self.crc.to_bytes(4, "big")).decode()


def read_plain(c, headers, sums):
    left, sha = int(headers["content-length"]), hashlib.sha256()
    while left > 0:
        if not c.rest:
            c.fill()
        piece, c.rest = c.rest[:left], c.rest[left:]
        sums.add(piece)
        sha.update(piece)
        left -= len(piece)
    announced = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if announced not in ("UNSIGNED-PAYLOAD", sha.hexdigest()):
        raise Wrong("the body is not the one that was signed")
    return 1


class Counted:
    """A connection whose bytes are counted against Content-Length."""

    def __init__(self, c):
        self.c, self.n = c, 0

    def line(self):
        line = self.c.until(b"\r\n")
        self.n += len(line) + 2
        return line.decode()

    def exactly(self, n):
        self.n += n
        return self.c.exactly(n)


def read_framed(c, target, headers, sums):
    kind = headers["x-amz-content-sha256"]
    signatures = Signatures(headers) if "authorization" in headers else None
    signed, counted, chunks = "AWS4" in kind, Counted(c), 0
    if signatures:
        signatures.request("PUT", target, double=False)
    if signed and kind.removeprefix("STREAMING-").removesuffix("-TRAILER") != signatures.algorithm + "-PAYLOAD":
        raise Wrong(f"{kind} is signed with {signatures.algorithm}")
    while True:
        size, _, signature = counted.line().partition(";chunk-signature=")
        data = counted.exactly(int(size, 16))
        if signed:
            signatures.check("PAYLOAD", [EMPTY, hashlib.sha256(data).hexdigest()], signature,
                             f"chunk {chunks + 1}")
        if not data:
            break
        chunks += 1
        sums.add(data)
        if counted.exactly(2) != b"\r\n":
            raise Wrong("a chunk does not end where it says")
    trailer = {}
    while line := counted.line():
        name, _, value = line.partition(":")
        trailer[name] = value
    if bool(trailer) != kind.endswith("-TRAILER"):
        raise Wrong(f"{kind} has the trailers {list(trailer)}")
    if signed and trailer:
        given = trailer.pop("x-amz-trailer-signature")
        text = "".join(f"{n}:{v}\n" for n, v in sorted(trailer.items()))
        signatures.check("TRAILER", [hashlib.sha256(text.encode()).hexdigest()], given, "the trailer")
    if list(trailer) != [n for n in [headers.get("x-amz-trailer")] if n]:
        raise Wrong(f"the trailers are {list(trailer)}")
    if trailer.get("x-amz-checksum-crc32", sums.text()) != sums.text():
        raise Wrong("the trailing checksum is not of this body")
    if counted.n != int(headers["content-length"]):
        raise Wrong(f"{counted.n} bytes came, {headers['content-length']} were announced")
    if sums.length != int(headers["x-amz-decoded-content-length"]):
        raise Wrong("the decoded length is another")
    return chunks


def put(c, target, path, headers):
    framed = headers.get("x-amz-content-sha256", "").startswith("STREAMING")
    if path.endswith("/refuse"):
        c.answer(403, "<Error><Code>AccessDenied</Code><Message>not here</Message></Error>", [("Connection", "close")])
        raise Closed
    sums = Sums()
    try:
        chunks = read_framed(c, target, headers, sums) if framed else read_plain(c, headers, sums)
    except Wrong as why:
        c.answer(400, f"<Error><Code>Wrong</Code><Message>{why}</Message></Error>", [("Connection", "close")])
        linger(c)
    if headers.get("x-amz-checksum-crc32", sums.text()) != sums.text():
        c.answer(400, "<Error><Code>BadDigest</Code><Message>the checksum is not of this body</Message></Error>")
        raise Closed
    seen = {"length": sums.length, "crc32": sums.text(), "framing": headers.get("x-amz-content-sha256"),
            "chunks": chunks, "encoding": headers.get("content-encoding")}
    c.answer(headers=[("ETag", '"e"'), ("x-amz-version-id", json.dumps(seen))])


def get(c, path):
    size, _, how = path.rsplit("/", 1)[1].partition("-")
    n, sums = int(size), Sums()
    for at in range(0, n, len(BLOCK)):
        sums.add(BLOCK[: n - at])
    text = sums.text() if how != "wrong" else "AAAAAA=="
    c.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {n}\r\nx-amz-checksum-crc32: {text}\r\n\r\n")
    if how == "short":
        n //= 2
    for at in range(0, n, len(BLOCK)):
        c.raw(BLOCK[: n - at])
    if how == "short":
        raise Closed


def request(c):
    first, *lines = c.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
    return method, target, headers


def act(c):
    method, target, headers = request(c)
    path = target.partition("?")[0]
    if path.startswith("/frames/"):
        FRAMES["at"] = c.exactly(int(headers["content-length"]))
        c.answer()
    elif method == "PUT":
        put(c, target, path, headers)
    elif method == "GET":
        get(c, path)
    else:
        c.exactly(int(headers.get("content-length", 0)))
        c.answer(200, FRAMES.get("at", b""), [("Content-Type", "application/vnd.amazon.eventstream"),
                                              ("x-amzn-RequestId", "r-stream")])


def serve(sock, context):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
        c = Connection(sock)
        while True:
            act(c)
    except (Closed, OSError, ValueError):
        pass
    finally:
        sock.close()


def main():
    context = None
    if sys.argv[1:2] == ["--tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[2:4])
    threading.Thread(target=watch_stdin, daemon=True).start()
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve, args=(sock, context), daemon=True).start()


if __name__ == "__main__":
    main()
