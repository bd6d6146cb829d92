"""The site at the other end: counts arrivals, and behaves as a message's id asks.

An id may hold words, joined by "-": late (is on its way for up to 0.4 s before it counts as come), slow (answers after
1 s), lost (takes it, closes without an answer), hang (takes it, answers never), e503 e400 e429 (answers so, and takes
nothing), twice503 (503 two times, then takes it), always503.
POST /send/USER takes a message; GET /messages/ID is 200 where it was taken, else 404; GET /arrivals lists all that came,
as [[seconds, user, id, status], ...]. Prints its port; ends with its standard input.
"""
import http.server
import json
import os
import random
import sys
import threading
import time

ARRIVALS, TAKEN, FAILED, LOCK = [], set(), {}, threading.Lock()


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"{}", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/arrivals":
            with LOCK:
                self.answer(200, json.dumps(ARRIVALS).encode())
        else:
            with LOCK:
                taken = self.path.rpartition("/")[2] in TAKEN
            self.answer(200 if taken else 404)

    def status_of(self, message):
        words = message.split("-")
        for word, status in (("e503", 503), ("e400", 400), ("e429", 429), ("always503", 503)):
            if word in words:
                return status
        if "twice503" in words:
            FAILED[message] = FAILED.get(message, 0) + 1
            if FAILED[message] <= 2:
                return 503
        return 201

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message, user = body["messageId"], body["userId"]
        words = message.split("-")
        if "late" in words:
            time.sleep(random.uniform(0, 0.4))
        at = time.monotonic()
        with LOCK:
            status = self.status_of(message)
            ARRIVALS.append([at, user, message, status])
            if status == 201:
                TAKEN.add(message)
        if "slow" in words:
            time.sleep(1)
        if "hang" in words:
            time.sleep(60)
        if "hang" in words or "lost" in words:
            self.close_connection = True
            return
        self.answer(status, headers=(("Retry-After", "7"),) if status == 429 else ())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # senders are killed here


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Site)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
