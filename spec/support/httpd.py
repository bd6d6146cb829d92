"""An HTTP(S) server on loopback that behaves as badly as its paths ask.

usage: httpd.py [--port N] [--tls CERT KEY [--client-ca FILE]] [--make-certs FOLDER]

Prints its port when it is ready. --make-certs writes ca.pem, server.pem and
server.key (for 127.0.0.1 and localhost), other.pem/other.key (for another
name), expired.pem/expired.key, client.pem/client.key, lone.pem/lone.key
(self-signed), twin.pem (another authority of ca's name), stranger.pem (one
that signs nothing), spelled.pem/spelled.key (whose issuer is "Ca " in
two-byte letters), distrusted.pem and trusted.pem (ca, marked as bad and as
good for servers), rsaca.pem, and {ec,rsa}-sha{224,256,384,512}.{pem,key},
servers signed over these digests by ca and rsaca, and ends.

  /status/503            an answer with this status and a short body
  /echo                  what came, as JSON: method, path, query, headers, body, peer
  /delay/0.5             answers after so many seconds
  /hang                  takes the request and never answers
  /hang-body             head and half a body, then silence
  /slow/20/0.05          20 bytes, one every 0.05 s
  /close                 closes without an answer
  /close-mid-head        closes inside the headers
  /close-mid-body        promises 1000 bytes, sends 10, closes
  /reset                 a TCP reset instead of an answer
  /wrong-length          promises 5 bytes, sends 10 and closes
  /no-length             a body that ends with the connection
  /bad-length            Content-Length: banana
  /chunked               a chunked body in three chunks
  /chunk-bomb            chunks without end
  /bad-chunk             a chunk whose size is no number
  /big/N                 N bytes
  /gzip  /gzip-bomb      compressed answers: "hello, gzip"; 200 MB of zeros
  /half-json             valid head, JSON cut in the middle
  /xml-bomb  /xml-outside    XML whose entities grow without end; one that asks for a file
  /half-xml              XML cut in the middle
  CONNECT                407: it is a proxy that wants a password
  /html/500              an HTML error page with this status
  /error-page            a 10 MB HTML page with status 500
  /redirect /redirect-away   302 to /echo; 302 to another host
  /redirect/307/HOST     this status to /stolen of another host
  /header-bomb           headers without end
  /keepalive             how many requests this connection has served, and its number
  /close-after           answers, then closes although it said keep-alive
  /mortal/NAME           takes the request and closes, on a connection that has served another; else answers
  /seen/NAME             how many requests of this NAME came
  /interim               a 100 and a 103 before the answer
  /not-http              an SSH banner
  /flaky/N/NAME          503 N times for this NAME, then 200
  /counts                how many requests each path has had
  /clock/3600            its clock goes 3600 s ahead of ours: 403 RequestTimeTooSkewed to who signs by another
  /token/NAME            403 ExpiredTokenException unless the session token is NAME
  /keep/NAME  /kept/NAME     keeps the body of a request; all bodies kept, as a JSON list
"""
import argparse
import datetime
import gzip
import ipaddress
import itertools
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

COUNTS, FLAKY, KEPT, LOCK = {}, {}, {}, threading.Lock()
CONNECTIONS = itertools.count(1)


class Closed(Exception):
    """The connection ends here."""


class Connection:
    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        self.number, self.served = next(CONNECTIONS), 0

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed
        self.rest += data

    def until(self, mark):
        while mark not in self.rest:
            self.fill()
        out, _, self.rest = self.rest.partition(mark)
        return out

    def exactly(self, n):
        while len(self.rest) < n:
            self.fill()
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def request(self):
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        lower = {name.lower(): value for name, value in headers}
        if lower.get("expect") == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if lower.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        else:
            body = self.exactly(int(lower.get("content-length", 0)))
        self.served += 1
        return method, target, headers, body

    def answer(self, status=200, body=b"", headers=(), method="GET"):
        if isinstance(body, str):
            body = body.encode()
        head = [f"HTTP/1.1 {status} Status", *(f"{n}: {v}" for n, v in headers)]
        if status not in (204, 304):
            head.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        self.sock.sendall(head if method == "HEAD" or status in (204, 304) else head + body)

    def raw(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())


def linger(c):
    """Reads on until the client has had all: closed at once, what is on its way to it would be lost."""
    while True:
        c.fill()
        c.rest = b""


def head(length, kind="text/plain"):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"


def forever(connection, make):
    while True:
        connection.raw(make())


def echo(c, method, target, headers, body):
    path, _, query = target.partition("?")
    c.answer(method=method, headers=[("Content-Type", "application/json")], body=json.dumps({
        "method": method, "path": path, "query": query, "connection": c.number,
        "headers": {n.lower(): v for n, v in headers}, "body": body.decode("latin-1"),
        "names": [n for n, _ in headers], "length": len(body)}))


def hang(c, *_):
    while True:
        c.fill()                              # until the client gives up


def hang_body(c, *_):
    c.raw(head(1000) + "x" * 500)
    hang(c)


def slow(c, count, seconds):
    c.raw(head(int(count)))
    for _ in range(int(count)):
        time.sleep(float(seconds))
        c.raw("x")


def close_with(text):
    def act(c, *_):
        c.raw(text)
        raise Closed
    return act


def reset(c, *_):
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Closed


def chunked(c, *_):
    c.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in ("one,", "two,", "three"):
        c.raw(f"{len(part):x}\r\n{part}\r\n")
    c.raw("0\r\n\r\n")


def chunk_bomb(c, *_):
    c.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    block = "x" * 65536
    forever(c, lambda: f"{len(block):x}\r\n{block}\r\n")


def header_bomb(c, *_):
    c.raw("HTTP/1.1 200 OK\r\n")
    numbers = itertools.count()
    forever(c, lambda: "".join(f"X-Bomb-{next(numbers)}: {'y' * 100}\r\n" for _ in range(100)))


def big(c, method, n):
    n, block = int(n), b"x" * 65536
    c.raw(head(n, "application/octet-stream"))
    while method != "HEAD" and n > 0:
        c.raw(block[:n])
        n -= len(block)


def gzip_bomb(c, *_):
    body = gzip.compress(bytes(200 << 20), 9)
    c.answer(body=body, headers=[("Content-Encoding", "gzip")])


def flaky(c, times, name):
    with LOCK:
        FLAKY[name] = FLAKY.get(name, 0) + 1
        seen = FLAKY[name]
    if seen <= int(times):
        c.answer(503, "not yet")
    else:
        c.answer(body=str(seen))


def refuse(c, code, message, headers=()):
    """As the json protocols of AWS refuse."""
    c.answer(403, json.dumps({"__type": code, "message": message}),
             [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", "r-1"), *headers])


def clock(c, ahead, headers):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(ahead))
    signed = next((v for n, v in headers if n.lower() == "x-amz-date"), "19700101T000000Z")
    signed = datetime.datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs((now - signed).total_seconds()) > 300:
        refuse(c, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
               [("Date", now.strftime("%a, %d %b %Y %H:%M:%S GMT"))])
    else:
        c.answer(body="{}")


def token(c, wanted, headers):
    if next((v for n, v in headers if n.lower() == "x-amz-security-token"), None) == wanted:
        c.answer(body="{}")
    else:
        refuse(c, "ExpiredTokenException", "The security token included in the request is expired")


def mortal(c, name, method):
    with LOCK:
        FLAKY[name] = FLAKY.get(name, 0) + 1
    if c.served > 1:
        raise Closed
    c.answer(method=method)


PAGE = "<!doctype html><html><head><title>Internal Server Error</title></head><body><h1>Oops</h1>%s</body></html>"
PLAIN = {
    "hang": hang, "hang-body": hang_body, "reset": reset, "chunked": chunked,
    "chunk-bomb": chunk_bomb, "header-bomb": header_bomb, "gzip-bomb": gzip_bomb,
    "close": close_with(""), "close-mid-head": close_with("HTTP/1.1 200 OK\r\nContent-Le"),
    "close-mid-body": close_with(head(1000) + "0123456789"),
    "wrong-length": close_with(head(5) + "0123456789"),
    "no-length": close_with("HTTP/1.1 200 OK\r\n\r\nto the end"),
    "bad-length": close_with("HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\nhello"),
    "bad-chunk": close_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
    "half-json": close_with(head(22, "application/x-amz-json-1.0")
                            + '{"QueueUrls": ["http:/'),
    "not-http": close_with("SSH-2.0-OpenSSH_9.2\r\n"),
    "close-after": close_with("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
                              "Content-Length: 2\r\n\r\nok"),
}
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ANSWERS = {
    "xml-bomb": {"body": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]><GetCallerIdentityResponse>'
                         "<GetCallerIdentityResult><Account>&l9;</Account></GetCallerIdentityResult>"
                         "</GetCallerIdentityResponse>", "headers": [("Content-Type", "text/xml")]},
    "xml-outside": {"body": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
                            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>&f;</Account>"
                            "</GetCallerIdentityResult></GetCallerIdentityResponse>",
                    "headers": [("Content-Type", "text/xml")]},
    "half-xml": {"body": "<GetCallerIdentityResponse><GetCallerIdentityResult><Acc",
                 "headers": [("Content-Type", "text/xml")]},
    "gzip": {"body": gzip.compress(b"hello, gzip"), "headers": [("Content-Encoding", "gzip")]},
    "error-page": {"status": 500, "body": PAGE % ("x" * (10 << 20)),
                   "headers": [("Content-Type", "text/html")]},
    "redirect": {"status": 302, "headers": [("Location", "/echo")]},
    "redirect-away": {"status": 302, "headers": [("Location", "http://127.0.0.2:9/stolen")]},
}


def act(c, method, target, headers, body):
    if method == "CONNECT":
        c.answer(407, headers=[("Proxy-Authenticate", 'Basic realm="tide"')])
        raise Closed
    name, *args = target.partition("?")[0].strip("/").split("/")
    with LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
    if name in PLAIN:
        PLAIN[name](c)
    elif name == "redirect" and args:
        c.answer(int(args[0]), headers=[("Location", f"http://{args[1]}/stolen")], method=method)
    elif name in ANSWERS:
        c.answer(method=method, **ANSWERS[name])
    elif name == "status":
        c.answer(int(args[0]), f"status {args[0]}", method=method)
    elif name == "html":
        c.answer(int(args[0]), PAGE % "", [("Content-Type", "text/html")], method)
    elif name == "delay":
        time.sleep(float(args[0]))
        c.answer(body="late", method=method)
    elif name == "slow":
        slow(c, *args)
    elif name == "big":
        big(c, method, args[0])
    elif name == "flaky":
        flaky(c, *args)
    elif name == "clock":
        clock(c, args[0], headers)
    elif name == "token":
        token(c, args[0], headers)
    elif name == "mortal":
        mortal(c, args[0], method)
    elif name == "seen":
        c.answer(body=str(FLAKY.get(args[0], 0)))
    elif name == "interim":
        c.raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        c.answer(body="at last")
    elif name == "keepalive":
        c.answer(body=json.dumps({"connection": c.number, "served": c.served}), method=method)
    elif name == "counts":
        c.answer(body=json.dumps(COUNTS), headers=[("Content-Type", "application/json")])
    elif name == "keep":
        KEPT.setdefault(args[0], []).append(body.decode())
        c.answer(200, b"")
    elif name == "kept":
        c.answer(200, json.dumps(KEPT.get(args[0], [])).encode())
    elif name == "echo":
        echo(c, method, target, headers, body)
    else:
        c.answer(404, "no such behaviour", method=method)


def shake(sock):
    """The handshake; where it fails, the client gets to read why: a close would reset what is on its way to it."""
    try:
        sock.do_handshake()
    except ssl.SSLError:
        os.set_blocking(sock.fileno(), True)
        socket.socket.shutdown(sock, socket.SHUT_WR)
        while os.read(sock.fileno(), 65536):
            pass
        raise


def serve(sock, context):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            shake(sock)
        connection = Connection(sock)
        while True:
            act(connection, *connection.request())
    except (Closed, OSError, ValueError):
        pass
    finally:
        sock.close()


def make_key_and_cert(folder, name, issuer=None, names=("localhost",), days=30, ca=False, subject=None, kind="ec",
                      digest="SHA256"):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    now = datetime.datetime.now(datetime.timezone.utc)
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject or name)])
    issuer_key, issuer_name = issuer or (key, subject)
    start = now - datetime.timedelta(days=60)
    alternatives = [x509.DNSName(n) for n in names]
    if "localhost" in names:
        alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(start).not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
               .add_extension(x509.SubjectAlternativeName(alternatives), critical=False))
    builder = (builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                              critical=False))
    cert = builder.sign(issuer_key, getattr(hashes, digest)())
    (folder / f"{name}.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return key, subject


def make_certs(folder):
    folder.mkdir(parents=True, exist_ok=True)
    ca = make_key_and_cert(folder, "ca", ca=True)
    make_key_and_cert(folder, "server", ca)
    make_key_and_cert(folder, "client", ca)
    make_key_and_cert(folder, "other", ca, names=("elsewhere.invalid",))
    make_key_and_cert(folder, "expired", ca, days=-30)
    make_key_and_cert(folder, "lone")
    make_key_and_cert(folder, "twin", ca=True, subject="ca")
    make_key_and_cert(folder, "stranger", ca=True)
    make_key_and_cert(folder, "spelled", (ca[0], wide_name("Ca ")))
    rsa = make_key_and_cert(folder, "rsaca", ca=True, kind="rsa", digest="SHA512")
    for digest in ("SHA224", "SHA256", "SHA384", "SHA512"):
        make_key_and_cert(folder, "ec-" + digest.lower(), ca, digest=digest)
        make_key_and_cert(folder, "rsa-" + digest.lower(), rsa, kind="rsa", digest=digest)
    for name, mark in (("distrusted", "-addreject"), ("trusted", "-addtrust")):
        subprocess.run(["openssl", "x509", "-in", folder / "ca.pem", "-trustout", mark, "serverAuth",
                        "-out", folder / f"{name}.pem"], check=True)


def wide_name(text):
    from cryptography import x509
    from cryptography.x509.name import _ASN1Type
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text, _type=_ASN1Type.BMPString)])


def watch_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--client-ca")
    parser.add_argument("--make-certs", type=pathlib.Path)
    parser.add_argument("--stdin", action="store_true", help="end when standard input does")
    args = parser.parse_args()
    if args.make_certs:
        make_certs(args.make_certs)
        return
    if args.stdin:
        threading.Thread(target=watch_stdin, daemon=True).start()
    context = None
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        if args.client_ca:
            context.load_verify_locations(args.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    server = socket.create_server(("127.0.0.1", args.port), backlog=512)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve, args=(sock, context), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
