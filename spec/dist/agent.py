"""The credential endpoint of an ECS task, on loopback.

usage: agent.py    takes {"token": ..., "credentials": {...}} from the environment's AGENT, prints its port, answers
GET /creds that bears the token, and ends with standard input
"""
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GIVEN = json.loads(os.environ["AGENT"])


class Agent(BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.path == "/creds" and self.headers.get("Authorization") == GIVEN["token"]
        body = json.dumps(GIVEN["credentials"] if right else {"message": "who are you?"}).encode()
        self.send_response(200 if right else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
