"""What is served, and how it is found again in an answer."""

import gzip
import os
import random
import re
from enum import Enum

KIB = 1024
MIB = 1024 * KIB


def text(size):
    """Rules of a style sheet, about as repetitive as real ones; the same in every run."""
    chance = random.Random(1)
    names = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(150)]
    properties = ["color", "margin", "padding", "border", "font-size", "line-height", "display", "background"]
    lines = []
    while sum(map(len, lines)) < size:
        rule = f".{chance.choice(names)}-{chance.choice(names)} {{ {chance.choice(properties)}: {chance.randint(0, 99)}px; }}\n"
        lines.append(rule)
    return "".join(lines)[:size].encode()


TEXT = text(20 * KIB)


def make_files(folder):
    for name, size in (("1k.bin", KIB), ("100k.bin", 100 * KIB), ("10m.bin", 10 * MIB)):
        write(folder / name, b"x" * size)
    write(folder / "twins/style.css", TEXT)
    write(folder / "twins/style.css.gz", gzip.compress(TEXT, 9))
    write(folder / "zipped/style.css", TEXT)
    return folder


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    # Long ago, as of anything that was deployed: what has only just changed is not kept in memory.
    os.utime(path, (1_600_000_000, 1_600_000_000))


class Answer(Enum):
    """How content comes."""

    WHOLE = "200"
    ZIPPED = "gzip"
    PART = "206"
    PARTS = "multipart"

    def content(self, answer):
        """The content of a whole answer with its head, or nothing if it is not of this kind."""
        head, _, body = answer.partition(b"\r\n\r\n")
        head = head.lower()
        if b"transfer-encoding: chunked" in head:
            body = unchunked(body)
        status = {"200": b"200", "gzip": b"200", "206": b"206", "multipart": b"206"}[self.value]
        zipped = b"content-encoding: gzip" in head
        if not head.startswith(b"http/1.1 " + status + b" ") or zipped != (self is Answer.ZIPPED):
            return None
        if self is Answer.PARTS:
            return parts(head, body)
        return gzip.decompress(body) if zipped else body


def unchunked(body):
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        size = int(size, 16)
        whole, body = whole + rest[:size], rest[size + 2:] if size else b""
    return whole


def parts(head, body):
    """The parts of a multipart body, one behind the other."""
    boundary = re.search(rb'boundary="?([^"\r\n]+)', head)
    if not boundary:
        return None
    # Lower case in the head, but whoever has letters in a boundary has them in the body too.
    pieces = re.split(rb"(?:\r\n)?--" + re.escape(boundary[1]) + rb"(?:--)?\r\n", body, flags=re.IGNORECASE)
    return b"".join(piece.partition(b"\r\n\r\n")[2] for piece in pieces)
