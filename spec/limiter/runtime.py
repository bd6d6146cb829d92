"""A runtime API as Lambda has it: gives the events of its first line of input one by one, and keeps what was answered.

usage: runtime.py; standard input: one line, a JSON list of {"event": ..., "seconds": until the deadline}. Prints its port.
An event that is a string is given as it is, so that it may be no JSON. GET /results: [[path, status type, body], ...].
"""
import http.server
import json
import os
import sys
import threading
import time

EVENTS = json.loads(sys.stdin.readline())
RESULTS, LOCK = [], threading.Lock()
STATE = {"next": 0}


class Api(http.server.BaseHTTPRequestHandler):
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
        if self.path == "/results":
            with LOCK:
                return self.answer(200, json.dumps(RESULTS).encode())
        with LOCK:
            number = STATE["next"]
            STATE["next"] += 1
        if number >= len(EVENTS):
            time.sleep(600)     # frozen until the next invocation, which never comes
        one = EVENTS[number]
        event = one["event"] if isinstance(one["event"], str) else json.dumps(one["event"])
        deadline = int((time.time() + one.get("seconds", 30)) * 1000)
        self.answer(200, event.encode(), (("Lambda-Runtime-Aws-Request-Id", "request-%d" % (number + 1)),
                                          ("Lambda-Runtime-Deadline-Ms", str(deadline))))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        with LOCK:
            RESULTS.append([self.path, self.headers.get("Lambda-Runtime-Function-Error-Type"), body])
        self.answer(202, b"{}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Api)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
