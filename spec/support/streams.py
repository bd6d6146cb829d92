"""A service with two-way streams of events on loopback: it verifies the request, each event's frame and signature,
and answers at once with an event that tells what it saw.

usage: streams.py [--tls CERT KEY [--h2]] --stdin      (prints its port)

Keys: AKID, secret. It speaks HTTP/1.1, or with --h2 HTTP/2. What the header x-amzn-voiceid says:
  refuse     answers 403 before any event
  early      ends its own stream after the first event
  cut        closes the connection after the first event
  error      sends an exception in place of the answer to the first event
  late       sends the head of its answer with the first event only
Every event is answered by AudioEvent (of Bedrock by a chunk), whose bytes are JSON: type, content_type, payload (its
beginning), length, headers, http, count; the end of
the stream by StreamClosedEvent {RequestCharacters = number of events}. A wrong frame or signature, or an end without
the empty signed event, is answered by the exception ValidationException that says so.
"""
import base64
import binascii
import datetime
import json
import socket
import ssl
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.events

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from httpd import Closed, Connection, linger, watch_stdin  # noqa: E402
from signatures import Signatures, Wrong, sha  # noqa: E402

SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}



# --- frames


def check_crc(data, given, what):
    if binascii.crc32(data) != struct.unpack(">I", given)[0]:
        raise Wrong(f"the checksum of {what} is wrong")


def read_headers(data):
    """{name: (type, value)} in their order, and the bytes of each."""
    headers, raw = {}, {}
    while data:
        n = data[0]
        name, kind, at = data[1:1 + n].decode(), data[1 + n], 2 + n
        if kind in (6, 7):
            at, size = at + 2, struct.unpack(">H", data[at:at + 2])[0]
        else:
            size = SIZES.get(kind, 0)
        headers[name] = (kind, data[at:at + size])
        raw[name], data = data[:at + size], data[at + size:]
    return headers, raw


def read_message(data):
    """(headers, raw headers, payload, rest), or None where it is not whole yet."""
    if len(data) < 12:
        return None
    total, size = struct.unpack(">II", data[:8])
    check_crc(data[:8], data[8:12], "the lengths")
    if len(data) < total:
        return None
    check_crc(data[:total - 4], data[total - 4:total], "a message")
    headers, raw = read_headers(data[12:12 + size])
    return headers, raw, data[12 + size:total - 4], data[total:]


def message(headers, payload):
    lines = b"".join(bytes([len(n)]) + n.encode() + b"\7" + struct.pack(">H", len(v)) + v.encode()
                     for n, v in headers.items())
    head = struct.pack(">II", 16 + len(lines) + len(payload), len(lines))
    data = head + struct.pack(">I", binascii.crc32(head)) + lines + payload
    return data + struct.pack(">I", binascii.crc32(data))


def event(kind, payload, content_type="application/json"):
    return message({":message-type": "event", ":event-type": kind, ":content-type": content_type}, payload)


def exception(kind, text):
    return message({":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"},
                   json.dumps({"message": text}).encode())


# --- one request


def verify_request(method, target, headers):
    """The signatures that follow the request's own; None where it carries a token instead."""
    if headers.get("content-type") != "application/vnd.amazon.eventstream":
        raise Wrong(f"the content type is {headers.get('content-type')}")
    if headers.get("authorization", "").startswith("Bearer "):
        return None
    signatures = Signatures(headers)
    signatures.request(method, target, double=True)
    if headers["x-amz-content-sha256"] != f"STREAMING-{signatures.algorithm}-EVENTS":
        raise Wrong("the payload is not signed as a stream of events")
    return signatures


class Talk:
    """What one request's events are, and what is said to them. `feed` and `end` give the bytes of the answer."""

    def __init__(self, method, target, headers, http):
        self.signatures = verify_request(method, target, headers)
        self.target, self.mode, self.http = target, headers.get("x-amzn-voiceid", ""), http
        self.buffer, self.count, self.ended, self.over = b"", 0, False, False

    def verify(self, headers, raw, payload):
        if list(headers) != [":date", ":chunk-signature"] or [k for k, _ in headers.values()] != [8, 6]:
            raise Wrong(f"a signed event has the headers {list(headers)}")
        seconds = struct.unpack(">q", headers[":date"][1])[0] // 1000
        date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        self.signatures.check("PAYLOAD", [sha(raw[":date"]), sha(payload)], headers[":chunk-signature"][1].hex(),
                              f"event {self.count + 1}", date.strftime("%Y%m%dT%H%M%SZ"))

    def reply(self, data):
        headers, _, payload, rest = read_message(data)
        if rest:
            raise Wrong("a signed event holds more than one message")
        values = {n: v.decode("latin-1") for n, (_, v) in headers.items()}
        if values[":message-type"] != "event":
            raise Wrong(f"a message of type {values[':message-type']}")
        self.count += 1
        if self.mode == "cut":
            raise Closed
        if self.mode == "early":
            self.over = True
        if self.mode == "error":
            self.over = True
            return exception("ThrottlingException", "not so fast")
        seen = {"type": values[":event-type"], "content_type": values.get(":content-type"), "http": self.http,
                "payload": payload[:100].decode("latin-1"), "length": len(payload), "headers": sorted(values),
                "count": self.count}
        seen = json.dumps(seen).encode()
        if self.target.endswith("bidirectional-stream"):
            return event("chunk", json.dumps({"bytes": base64.b64encode(seen).decode()}).encode())
        return event("AudioEvent", seen, "application/octet-stream")

    def one(self, found):
        headers, raw, payload, _ = found
        if self.signatures is None:
            return self.reply(self.whole)
        self.verify(headers, raw, payload)
        if payload:
            return self.reply(payload)
        self.ended = True
        return b""

    def feed(self, data):
        self.buffer += data
        try:
            while not self.over and (found := read_message(self.buffer)):
                if self.ended:
                    raise Wrong("an event came after the last")
                self.whole = self.buffer[:len(self.buffer) - len(found[3])]
                self.buffer = found[3]
                yield self.one(found)
        except Wrong as why:
            self.over = True
            yield exception("ValidationException", str(why))

    def end(self):
        if self.over:
            return b""
        if self.buffer or not (self.ended or self.signatures is None):
            return exception("ValidationException", "the stream ended without its last, empty event")
        return event("StreamClosedEvent", json.dumps({"RequestCharacters": self.count}).encode())


HEAD = [("content-type", "application/vnd.amazon.eventstream"), ("x-amzn-requestid", "r-talk")]
REFUSAL = [("content-type", "application/json"), ("x-amzn-errortype", "AccessDeniedException"),
           ("x-amzn-requestid", "r-refused")]


def refusal(headers, method, target):
    """The text of a refusal, or None."""
    if headers.get("x-amzn-voiceid") == "refuse":
        return json.dumps({"message": "not for you"}).encode()
    try:
        verify_request(method, target, headers)
    except (Wrong, KeyError, IndexError) as why:
        return json.dumps({"message": f"{why}"}).encode()
    return None


# --- HTTP/1.1


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def head_of(status, headers):
    return f"HTTP/1.1 {status} X\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers)


def converse(c, method, target, headers):
    talk = Talk(method, target, headers, 1)
    if headers.get("transfer-encoding") != "chunked":
        raise Wrong("the body is not chunked")
    once = [("connection", "close")] if talk.mode == "error" else []
    head = head_of(200, HEAD + [("transfer-encoding", "chunked"), *once]) + "\r\n"
    if talk.mode != "late":
        c.raw(head)
        head = ""
    while size := int(c.until(b"\r\n"), 16):
        for answer in talk.feed(c.exactly(size)):
            c.raw(head.encode() + chunk(answer))
            head = ""
        c.exactly(2)
        if talk.over:
            c.raw(b"0\r\n\r\n")
            if talk.mode != "early":
                linger(c)
            raise Closed
    c.until(b"\r\n")
    c.raw(head.encode() + chunk(talk.end()) + b"0\r\n\r\n")


def serve_1(sock):
    c = Connection(sock)
    while True:
        first, *lines = c.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        text = refusal(headers, method, target)
        if text:
            c.raw(head_of(403, REFUSAL + [("connection", "close")]) + f"content-length: {len(text)}\r\n\r\n")
            c.raw(text)
            linger(c)
        converse(c, method, target, headers)


# --- HTTP/2


class Two:
    def __init__(self, sock):
        self.sock, self.talks = sock, {}
        self.h2 = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def begin(self, stream, pairs):
        headers = {n.decode(): v.decode() for n, v in pairs}
        headers["host"] = headers.get("host", headers[":authority"])
        text = refusal(headers, headers[":method"], headers[":path"])
        if text:
            self.h2.send_headers(stream, [(":status", "403"), *REFUSAL])
            self.h2.send_data(stream, text, end_stream=True)
            return
        self.talks[stream] = Talk(headers[":method"], headers[":path"], headers, 2)
        if self.talks[stream].mode != "late":
            self.h2.send_headers(stream, [(":status", "200"), *HEAD])

    def say(self, stream, answers, last=False):
        talk = self.talks.get(stream)
        for answer in answers:
            if talk.mode == "late":
                self.h2.send_headers(stream, [(":status", "200"), *HEAD])
                talk.mode = ""
            if answer:
                self.h2.send_data(stream, answer)
        if last or talk and talk.over:
            self.h2.end_stream(stream)
            del self.talks[stream]
            if not last and talk.mode == "early":
                self.h2.reset_stream(stream, 0)          # no more is wanted, as servers say it

    def act(self, e):
        if isinstance(e, h2.events.RequestReceived):
            self.begin(e.stream_id, e.headers)
        elif isinstance(e, h2.events.DataReceived):
            self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
            if e.stream_id in self.talks:
                self.say(e.stream_id, list(self.talks[e.stream_id].feed(e.data)))
        elif isinstance(e, h2.events.StreamEnded) and e.stream_id in self.talks:
            self.say(e.stream_id, [self.talks[e.stream_id].end()], last=True)
        elif isinstance(e, h2.events.StreamReset):
            self.talks.pop(e.stream_id, None)

    def run(self):
        while data := self.sock.recv(65536):
            for e in self.h2.receive_data(data):
                self.act(e)
            self.flush()


def serve(sock, context, two):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
        Two(sock).run() if two else serve_1(sock)
    except (Closed, OSError, ValueError):
        pass
    finally:
        sock.close()


def main():
    context, two = None, "--h2" in sys.argv
    if "--tls" in sys.argv:
        at = sys.argv.index("--tls") + 1
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[at:at + 2])
        context.set_alpn_protocols(["h2"] if two else ["http/1.1"])
    threading.Thread(target=watch_stdin, daemon=True).start()
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(server.getsockname()[1], flush=True)
    while True:
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock, context, two), daemon=True).start()


if __name__ == "__main__":
    main()
