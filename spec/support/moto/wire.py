"""A threaded HTTP/1.1 server for one WSGI application, with keep-alive.

Werkzeug's own server closes the connection after each answer, which a client
that pools connections should not have to be tested against only.
"""
import io
import socket
import sys
import threading
from email.utils import formatdate
from urllib.parse import unquote_to_bytes

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024 * 1024
REASONS = {100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
           206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified",
           307: "Temporary Redirect", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 409: "Conflict", 412: "Precondition Failed",
           413: "Content Too Large", 416: "Range Not Satisfiable",
           429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
           503: "Service Unavailable"}
PRESERVED = "moto.preserved_header_names"   # S3 metadata keys may hold underscores


class Refused(Exception):
    """A request that can't be understood: answered, then the connection closes."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class Reader:
    """Buffered reads of one connection."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the client closed the connection")
        self.rest += data

    def until(self, mark, limit):
        while True:
            at = self.rest.find(mark)
            if at >= 0:
                out, self.rest = self.rest[:at], self.rest[at + len(mark):]
                return out
            if len(self.rest) > limit:
                raise Refused(413, "the head of the request is too long")
            self.fill()

    def exactly(self, n):
        if n > MAX_BODY:
            raise Refused(413, "the body of the request is too long")
        if len(self.rest) < n:
            parts, got = [self.rest], len(self.rest)
            self.rest = b""
            while got < n:
                data = self.sock.recv(min(n - got, 1 << 20))
                if not data:
                    raise ConnectionError("the client closed the connection inside a body")
                parts.append(data)
                got += len(data)
            self.rest = b"".join(parts)
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def chunks(self):
        parts = []
        while True:
            size = int(self.until(b"\r\n", MAX_HEAD).split(b";")[0], 16)
            if size == 0:
                while self.until(b"\r\n", MAX_HEAD):
                    pass                      # trailers
                return b"".join(parts)
            parts.append(self.exactly(size))
            if self.exactly(2) != b"\r\n":
                raise Refused(400, "a chunk does not end where it says")


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Refused(400, "the first line is not an HTTP request")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refused(400, "a header line has no name")
        headers.append((name, value.strip()))
    return parts[0], parts[1], parts[2], headers


def make_environ(method, target, version, headers, body, server):
    path, _, query = target.partition("?")
    if "://" in path:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "QUERY_STRING": query,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "RAW_URI": target, "REQUEST_URI": target, "SERVER_PROTOCOL": version,
        "SERVER_NAME": server[0], "SERVER_PORT": str(server[1]), "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "CONTENT_LENGTH": str(len(body)), "tidelock.headers": headers,
        "tidelock.body": body,
    }
    preserved = {}
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        if "_" in name:
            if not name.lower().startswith("x-amz-meta-"):
                continue
            preserved[key] = name
        if key == "HTTP_CONTENT_TYPE":
            environ["CONTENT_TYPE"] = value
        elif key not in ("HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            environ[key] = environ[key] + "," + value if key in environ else value
    environ[PRESERVED] = preserved
    return environ


class Server:
    def __init__(self, app, host="127.0.0.1", port=0):
        self.app = app
        self.sock = socket.create_server((host, port), backlog=512)
        self.address = self.sock.getsockname()

    def run(self):
        while True:
            connection, _ = self.sock.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, sock):
        reader = Reader(sock)
        try:
            while self.one(reader, sock):
                pass
        except Refused as refused:
            self.send(sock, "GET", refused.status, [], [str(refused).encode()], False)
        except (OSError, ValueError):
            pass                              # the client went away, or spoke no HTTP
        finally:
            sock.close()

    def one(self, reader, sock):
        method, target, version, headers = parse_head(reader.until(b"\r\n\r\n", MAX_HEAD))
        lower = {name.lower(): value for name, value in headers}
        if lower.get("expect", "").lower() == "100-continue":
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in lower.get("transfer-encoding", "").lower():
            body = reader.chunks()
        else:
            body = reader.exactly(int(lower.get("content-length") or 0))
        keep = lower.get("connection", "").lower() != "close" and version != "HTTP/1.0"
        environ = make_environ(method, target, version, headers, body, self.address)
        answer = []

        def start_response(status, out, exc_info=None):
            answer[:] = [int(status.split(" ", 1)[0]), out]

        parts = self.app(environ, start_response)
        try:
            chunks = list(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        self.send(sock, method, answer[0], answer[1], chunks, keep)
        return keep

    @staticmethod
    def send(sock, method, status, headers, chunks, keep):
        body = b"".join(chunks)
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        length = len(body)
        for name, value in headers:
            low = name.lower()
            if low == "content-length":
                if method == "HEAD":
                    length = value            # what a GET would have said
            elif low not in ("connection", "transfer-encoding", "date"):
                lines.append(f"{name}: {value}")
        if status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        lines.append("Date: " + formatdate(usegmt=True))
        lines.append("Connection: " + ("keep-alive" if keep else "close"))
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        sock.sendall(head if method == "HEAD" or status in (204, 304) else head + body)
