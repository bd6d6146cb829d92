"""An HTTP/2 server over TLS on loopback; who does not offer h2 by ALPN gets HTTP/1.1 from httpd.

usage: http2.py CERT KEY      (with build/venv-ministack, which has the h2 library)

  /echo           method, path, headers, body, connection, stream as JSON
  /big/N          N bytes
  /hang           no answer; /seen/hang says how many are asked for and not cancelled
  /refused        the stream is refused the first time (REFUSED_STREAM): nothing was done
  /broken         the stream is reset in the middle of the answer
  /lost/NAME      the connection ends after the request, if it has served another before
  /seen/NAME      how many requests of this path's NAME came
  /goaway         answers, and takes no more streams on this connection
  /trailers       an answer with trailers
  /headers/N      an answer with N headers of 100 bytes
  /cut            the connection ends in the middle of an answer of unknown length
  /goaway-error   the connection is given up with an error in place of an answer

Prints its port when it is ready; ends with its standard input.
"""
import itertools
import json
import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events

import httpd

SEEN, LOCK, CONNECTIONS = {}, threading.Lock(), itertools.count(1)


class Connection:
    def __init__(self, sock):
        self.sock, self.number = sock, next(CONNECTIONS)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.requests, self.waiting = {}, {}
        self.served = 0

    def flush(self):
        if data := self.h2.data_to_send():
            self.sock.sendall(data)

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        while data := self.sock.recv(65536):
            for event in self.h2.receive_data(data):
                self.take(event)
            self.push()
            self.flush()

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = (dict(event.headers), bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][1].extend(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.act(event.stream_id, *self.requests.pop(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            self.waiting.pop(event.stream_id, None)
            self.count("hang", -1)

    def count(self, name, n=1):
        with LOCK:
            SEEN[name] = SEEN.get(name, 0) + n
            return SEEN[name]

    def answer(self, stream, body, trailers=None):
        """The body goes out as the client's windows allow: see push."""
        length = [] if trailers else [("content-length", str(len(body)))]
        self.h2.send_headers(stream, [(":status", "200"), *length])
        self.waiting[stream] = [body, trailers]

    def push(self):
        for stream, (body, trailers) in list(self.waiting.items()):
            while body and (room := min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)) > 0:
                self.h2.send_data(stream, body[:room])
                body = body[room:]
            self.waiting[stream][0] = body
            if not body:
                if trailers:
                    self.h2.send_headers(stream, trailers, end_stream=True)
                else:
                    self.h2.end_stream(stream)
                del self.waiting[stream]

    def act(self, stream, headers, body):
        """What the path asks for; see the head of this file."""
        name, *args = headers[b":path"].decode().partition("?")[0].strip("/").split("/")
        self.served += 1
        times = self.count(name) if name != "seen" else 0
        if headers[b":method"] == b"HEAD":
            self.h2.send_headers(stream, [(":status", "200"), ("content-length", "5")], end_stream=True)
        elif name == "echo":
            self.answer(stream, json.dumps({
                "method": headers[b":method"].decode(), "path": headers[b":path"].decode(), "body": body.decode("latin-1"),
                "headers": {n.decode(): v.decode() for n, v in headers.items()}, "connection": self.number,
                "stream": stream, "length": len(body)}).encode())
        elif name == "big":
            self.answer(stream, b"x" * int(args[0]))
        elif name == "refused" and times == 1:
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        elif name == "broken":
            self.h2.send_headers(stream, [(":status", "200"), ("content-length", "1000")])
            self.h2.send_data(stream, b"x" * 10)
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif name == "lost" and self.served > 1:
            raise httpd.Closed
        elif name == "seen":
            self.answer(stream, str(SEEN.get(args[0], 0)).encode())
        elif name == "goaway":
            self.answer(stream, b"the last")
            self.push()
            self.h2.close_connection(last_stream_id=stream)
        elif name == "headers":
            self.h2.send_headers(stream, [(":status", "200"), *((f"x-{n}", "y" * 100) for n in range(int(args[0])))],
                                 end_stream=True)
        elif name == "cut":
            self.h2.send_headers(stream, [(":status", "200")])
            self.h2.send_data(stream, b"x" * 10)
            self.flush()
            raise httpd.Closed
        elif name == "goaway-error":
            self.h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM, last_stream_id=0)
        elif name == "trailers":
            self.answer(stream, b"body", [("x-sum", "42")])
        elif name != "hang":
            self.answer(stream, b"ok")


def serve(sock, context):
    try:
        with context.wrap_socket(sock, server_side=True) as tls:
            if tls.selected_alpn_protocol() == "h2":
                Connection(tls).run()
            else:
                httpd.serve(tls, None)
    except (httpd.Closed, OSError, h2.exceptions.ProtocolError):
        pass


def main():
    threading.Thread(target=httpd.watch_stdin, daemon=True).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=serve, args=(sock, context), daemon=True).start()


if __name__ == "__main__":
    main()
