"""A name server on loopback that knows one name, and says what it was asked.

usage: names.py ADDRESS NAME    answers A questions for NAME with 127.0.0.1; prints "ready", then each question
"""
import socket
import struct
import sys


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += packet[at] + 1
    return ".".join(labels), struct.unpack(">H", packet[at + 1:at + 3])[0], packet[12:at + 5]


def main(address, known):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    print("ready", flush=True)
    while True:
        packet, peer = server.recvfrom(512)
        name, kind, asked = question(packet)
        print(name, kind, flush=True)
        hit = name == known and kind == 1
        answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x01" if hit else b""
        code = b"\x81\x80" if name == known else b"\x81\x83"
        server.sendto(packet[:2] + code + struct.pack(">HHHH", 1, int(hit), 0, 0) + asked + answer, peer)


main(*sys.argv[1:])
