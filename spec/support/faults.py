"""A proxy before moto that fails a share of the requests, the same ones for the same seed.

usage: faults.py --to PORT [--rate 0.2] [--seed 1] [--kinds throttle,error,...] [--only Operation,...]

  throttle   refused as too many, before moto sees it
  error      an internal error, before moto sees it
  expired    the token has expired, before moto sees it
  denied     the caller may not do it, before moto sees it
  refuse     the connection closes before moto sees it
  lost       moto does it, and the answer is lost
  half       moto does it, and half the answer arrives
  late       moto does it, and the answer takes half a second longer

Prints its port when it is ready; GET /-/counts says how often each kind came.
"""
import argparse
import http.client
import json
import random
import socket
import threading
import time

from httpd import Closed, Connection, watch_stdin

KINDS = ("throttle", "error", "refuse", "lost", "half", "late")
ERRORS = {"throttle": ("ThrottlingException", "Throttling", 400, "Rate exceeded"),
          "error": ("InternalFailure", "InternalFailure", 500, "We encountered an internal error."),
          "expired": ("ExpiredTokenException", "ExpiredToken", 403,
                      "The security token included in the request is expired"),
          "denied": ("AccessDeniedException", "AccessDenied", 403, "You are not authorized to do this")}


class Faults:
    def __init__(self, args):
        self.rate, self.kinds, self.to = args.rate, args.kinds.split(","), args.to
        self.only = set(args.only.split(",")) if args.only else None
        self.random, self.lock = random.Random(args.seed), threading.Lock()
        self.counts = {"passed": 0}

    def choose(self, operation):
        """The kind of fault of this request, or None: decided once, in the order of arrival."""
        with self.lock:
            hit = self.random.random() < self.rate
            kind = self.random.choice(self.kinds)
            if not hit or (self.only and operation not in self.only):
                kind = None
            name = kind or "passed"
            self.counts[name] = self.counts.get(name, 0) + 1
            return kind


def operation_of(headers, body):
    for name, value in headers:
        if name.lower() == "x-amz-target":
            return value.rpartition(".")[2]
    for pair in body[:200].decode("latin-1").split("&"):
        if pair.startswith("Action="):
            return pair[7:]
    return None


def error_page(kind, headers):
    """The error as the request's own protocol says it."""
    json_code, xml_code, status, message = ERRORS[kind]
    names = {name.lower(): value for name, value in headers}
    if "x-amz-target" in names or names.get("content-type", "").startswith("application/json"):
        return status, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "fault")], \
            json.dumps({"__type": json_code, "message": message})
    if "/s3/" in names.get("authorization", ""):
        code = "SlowDown" if kind == "throttle" else xml_code
        return (503 if kind == "throttle" else status), [("Content-Type", "application/xml")], \
            f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>fault</RequestId></Error>"
    return status, [("Content-Type", "text/xml")], \
        (f"<ErrorResponse><Error><Type>Sender</Type><Code>{xml_code}</Code><Message>{message}</Message></Error>"
         "<RequestId>fault</RequestId></ErrorResponse>")


def forward(port, method, target, headers, body):
    upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    upstream.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        if name.lower() not in ("connection", "transfer-encoding", "content-length", "expect"):
            upstream.putheader(name, value)
    upstream.putheader("Content-Length", str(len(body)))
    upstream.endheaders(body)
    answer = upstream.getresponse()
    data = answer.read()
    upstream.close()
    return answer.status, [(n, v) for n, v in answer.getheaders()
                           if n.lower() not in ("connection", "transfer-encoding", "content-length")], data


def one(connection, faults):
    method, target, headers, body = connection.request()
    if target == "/-/counts":
        connection.answer(body=json.dumps(faults.counts))
        return
    kind = faults.choose(operation_of(headers, body))
    if kind == "refuse":
        raise Closed
    if kind in ERRORS:
        status, out, page = error_page(kind, headers)
        connection.answer(status, page, out, method)
        return
    status, out, data = forward(faults.to, method, target, headers, body)
    if kind == "lost":
        raise Closed
    if kind == "half" and len(data) > 1 and method != "HEAD":
        head = [f"HTTP/1.1 {status} Status", *(f"{n}: {v}" for n, v in out), f"Content-Length: {len(data)}"]
        connection.raw(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + data[:len(data) // 2])
        raise Closed
    if kind == "late":
        time.sleep(0.5)
    connection.answer(status, data, out, method)


def serve(sock, faults):
    try:
        connection = Connection(sock)
        while True:
            one(connection, faults)
    except (Closed, OSError, ValueError, http.client.HTTPException):
        pass
    finally:
        sock.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", help="only these operations fail")
    parser.add_argument("--stdin", action="store_true", help="end when standard input does")
    args = parser.parse_args()
    if args.stdin:
        threading.Thread(target=watch_stdin, daemon=True).start()
    faults = Faults(args)
    server = socket.create_server(("127.0.0.1", args.port), backlog=512)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock, faults), daemon=True).start()


if __name__ == "__main__":
    main()
