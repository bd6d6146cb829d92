"""A forward proxy on loopback: tunnels by CONNECT, and requests in full. It reaches loopback only.

usage: proxy.py [--password USER:WORD] [--tls CERT KEY] --stdin

  127.0.0.1, localhost     reached
  NAME.reached.invalid     reached at 127.0.0.1: the proxy resolves what the client cannot
  elsewhere.invalid        so too: the name in the certificate "other"
  silent.invalid           neither refused nor reached: the proxy never answers
  cut.invalid              the proxy closes without an answer
  down.invalid             502: the proxy cannot reach it
  other names              403
  GET /-/seen              what was asked of it so far, as a JSON list of {method, target, headers}

With a password, 407 without the right one. Prints its port when it is ready; ends with its standard input.
"""
import argparse
import base64
import json
import select
import socket
import ssl
import threading

from httpd import Closed, Connection, hang, watch_stdin

SEEN = []
ANSWERS = {"down.invalid": 502}


def pump(left, right):
    """Bytes both ways until one side ends."""
    other = {left: right, right: left}
    while True:
        ready = [s for s in other if isinstance(s, ssl.SSLSocket) and s.pending()]
        for s in ready or select.select(list(other), [], [])[0]:
            data = s.recv(65536)
            if not data:
                raise Closed
            other[s].sendall(data)


def reached(host):
    return host in ("127.0.0.1", "localhost", "elsewhere.invalid") or host.endswith(".reached.invalid")


class Proxy:
    def __init__(self, args):
        self.wanted = "Basic " + base64.b64encode(args.password.encode()).decode() if args.password else None

    def allowed(self, c, headers, host):
        given = {name.lower(): value for name, value in headers}.get("proxy-authorization")
        if self.wanted and given != self.wanted:
            c.answer(407, "who are you?", [("Proxy-Authenticate", 'Basic realm="tide"')])
        elif host == "silent.invalid":
            hang(c)
        elif host == "cut.invalid":
            raise Closed
        elif not reached(host):
            c.answer(ANSWERS.get(host, 403), "<html><body>blocked by policy</body></html>",
                     [("Content-Type", "text/html")])
        else:
            return True
        return False

    def tunnel(self, c, target, headers):
        host, _, port = target.rpartition(":")
        if not self.allowed(c, headers, host):
            return
        with socket.create_connection(("127.0.0.1", int(port))) as server:
            c.raw("HTTP/1.1 200 Connection established\r\n\r\n")
            server.sendall(c.rest)
            pump(c.sock, server)

    def forward(self, c, method, target, headers, body):
        """One request, whose answer ends with its connection."""
        host, _, rest = target.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        if not self.allowed(c, headers, name):
            return
        kept = [(n, v) for n, v in headers if n.lower() not in ("proxy-authorization", "proxy-connection")]
        lines = [f"{method} /{rest} HTTP/1.1", *(f"{n}: {v}" for n, v in kept), "", ""]
        with socket.create_connection(("127.0.0.1", int(port or 80))) as server:
            server.sendall("\r\n".join(lines).encode("latin-1") + body)
            server.shutdown(socket.SHUT_WR)
            answer = b""
            while data := server.recv(65536):
                answer += data
        first, _, rest = answer.partition(b"\r\n")
        c.raw(first + b"\r\nConnection: close\r\n" + rest)
        raise Closed

    def serve(self, sock, context):
        try:
            if context is not None:
                sock = context.wrap_socket(sock, server_side=True)
            c = Connection(sock)
            while True:
                method, target, headers, body = c.request()
                if target == "/-/seen":
                    c.answer(body=json.dumps(SEEN))
                    continue
                SEEN.append({"method": method, "target": target, "headers": {n.lower(): v for n, v in headers}})
                if method == "CONNECT":
                    self.tunnel(c, target, headers)
                else:
                    self.forward(c, method, target, headers, body)
        except (Closed, OSError, ValueError):
            pass
        finally:
            sock.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--password")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--stdin", action="store_true", required=True)
    args = parser.parse_args()
    threading.Thread(target=watch_stdin, daemon=True).start()
    context = None
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
    proxy, server = Proxy(args), socket.create_server(("127.0.0.1", 0), backlog=128)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=proxy.serve, args=(sock, context), daemon=True).start()


if __name__ == "__main__":
    main()
