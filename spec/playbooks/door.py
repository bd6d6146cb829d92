"""A function's address as Lambda has it: what is posted becomes an event, the function's answer the response.

usage: door.py. Prints its port: the runtime API is on it too, for `tidelock lambda`. POST /invoke hands the body over as
the event itself, as Invoke does. Ends with its standard input.
"""
import http.server
import json
import os
import queue
import sys
import threading
import time

EVENTS, ANSWERS = queue.Queue(), {}


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name, event = EVENTS.get()
        deadline = int((time.time() + 30) * 1000)
        self.answer(200, json.dumps(event).encode(), (("Lambda-Runtime-Aws-Request-Id", name),
                                                      ("Lambda-Runtime-Deadline-Ms", str(deadline))))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if "/runtime/" in self.path:
            name = self.path.split("/")[-2]
            if name in ANSWERS:
                ANSWERS[name].put((self.path.rpartition("/")[2], json.loads(body)))
            return self.answer(202, b"{}")
        if self.path == "/invoke":
            kind, said = self.invoke(json.loads(body))
            return self.answer(200 if kind == "response" else 502, json.dumps(said).encode())
        kind, said = self.invoke({"version": "2.0", "rawPath": self.path, "body": body, "isBase64Encoded": False,
                                  "headers": {k.lower(): v for k, v in self.headers.items()},
                                  "requestContext": {"http": {"method": "POST", "path": self.path}}})
        if kind != "response":
            return self.answer(502, json.dumps(said).encode())
        self.answer(said["statusCode"], said["body"].encode(), list(said["headers"].items()))

    def invoke(self, event):
        name = f"request-{threading.get_ident()}-{time.monotonic_ns()}"
        ANSWERS[name] = queue.Queue()
        EVENTS.put((name, event))
        return ANSWERS[name].get(timeout=30)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the function is killed here


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Door)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
