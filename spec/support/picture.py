"""The pixels of a PNG as a browser writes it (8 bits, RGB or RGBA, not interlaced): width and height, then three bytes
a pixel, to a file. A pixel of the picture is what a person would see there."""
import struct
import sys
import zlib


def chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += 12 + size


def paeth(a, b, c):
    p = a + b - c
    x, y, z = abs(p - a), abs(p - b), abs(p - c)
    return a if x <= y and x <= z else b if y <= z else c


def plain(kind, line, above, step):
    """A line without its filter."""
    if kind == 0:
        return line
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        up = above[i]
        line[i] = (line[i] + (left, up, (left + up) // 2, paeth(left, up, corner))[kind - 1]) & 255
    return line


def pixels(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise SystemExit("this is no PNG")
    parts = list(chunks(data))
    width, height, depth, colour, _, _, woven = struct.unpack(">IIBBBBB", parts[0][1])
    if depth != 8 or colour not in (2, 6) or woven:
        raise SystemExit(f"a PNG of another kind: depth {depth}, colour {colour}, interlace {woven}")
    step = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    size, above, out = width * step, bytearray(width * step), bytearray()
    for y in range(height):
        at = y * (size + 1)
        above = plain(raw[at], bytearray(raw[at + 1:at + 1 + size]), above, step)
        out += above if step == 3 else bytes(b for i, b in enumerate(above) if i % 4 != 3)
    return width, height, out


with open(sys.argv[1], "rb") as source:
    w, h, body = pixels(source.read())
with open(sys.argv[2], "wb") as target:
    target.write(b"%d %d\n" % (w, h) + body)
