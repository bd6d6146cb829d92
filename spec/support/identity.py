"""Fake givers of credentials on loopback: IMDSv2, an ECS agent, the SSO portal and its OIDC, STS.

usage: identity.py --stdin    prints its port, serves until standard input ends. GET /seen lists what came.
Each answers wrongly formed requests with 400 or 401, so that a passing spec proves the form.
"""
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SEEN = []


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def keys(name, **more):
    return json.dumps({"Code": "Success", "AccessKeyId": name, "SecretAccessKey": "secret-of-" + name,
                       "Token": "token-of-" + name, "Expiration": stamp(3600), **more})


def sts(action, name):
    return f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>
<AccessKeyId>{name}</AccessKeyId><SecretAccessKey>secret-of-{name}</SecretAccessKey>
<SessionToken>token-of-{name}</SessionToken><Expiration>{stamp(3600)}</Expiration></Credentials></{action}Result>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body="", kind="application/json"):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def imds(self, path, token):
        if path == "/latest/api/token":
            good = self.command == "PUT" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600"
            return self.reply(200 if good else 400, "imds-token", "text/plain")
        if token != "imds-token":
            return self.reply(401)
        if path.endswith("/security-credentials/"):
            return self.reply(200, "the-role", "text/plain")
        return self.reply(200, keys("IMDS")) if path.endswith("/the-role") else self.reply(404)

    def portal(self, query):
        good = self.headers.get("x-amz-sso_bearer_token") in ("good", "renewed") and \
            "Authorization" not in self.headers and query.get("account_id") == ["111111111111"]
        if not good:
            return self.reply(401, '{"message": "Session token not found or invalid"}')
        return self.reply(200, json.dumps({"roleCredentials": {
            "accessKeyId": "SSO", "secretAccessKey": "secret-of-SSO", "sessionToken": "token-of-SSO",
            "expiration": int(time.time() + 3600) * 1000}}))

    def oidc(self, body):
        asked = json.loads(body)
        if asked.get("refreshToken") != "rt" or asked.get("grantType") != "refresh_token":
            return self.reply(400, '{"error": "invalid_grant"}')
        return self.reply(200, json.dumps({"accessToken": "renewed", "expiresIn": 3600, "refreshToken": "rt2"}))

    def token_service(self, form):
        action = form.get("Action", [""])[0]
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256")
        if action == "AssumeRoleWithWebIdentity" and not signed and form.get("WebIdentityToken") == ["eyJ.jwt"]:
            return self.reply(200, sts(action, "WEB"), "text/xml")
        if action == "AssumeRole" and signed:
            return self.reply(200, sts(action, "ROLE"), "text/xml")
        return self.reply(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                               "<RequestId>r</RequestId></ErrorResponse>", "text/xml")

    def answer(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if url.path == "/seen":
            return self.reply(200, json.dumps(SEEN))
        SEEN.append(f"{self.command} {url.path}")
        if url.path.startswith("/latest/"):
            return self.imds(url.path, self.headers.get("X-aws-ec2-metadata-token"))
        if url.path == "/ecs":
            good = self.headers.get("Authorization") == "Bearer agent"
            return self.reply(200, keys("ECS")) if good else self.reply(401)
        if url.path == "/federation/credentials":
            return self.portal(parse_qs(url.query))
        if url.path == "/token":
            return self.oidc(body)
        return self.token_service(parse_qs(body))

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


main()
