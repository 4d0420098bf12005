"""The application behind every pool. The path says what it is to do; what it did stands in $BENCH_LOG."""

import os
import time
from urllib.parse import parse_qs

BLOCK = b"x" * 65536
NAME = os.environ.get("BENCH_NAME", "")
SLOW_FILE = os.environ.get("BENCH_SLOW_FILE", "")
SLOW = 0.3

# One write of a short line with O_APPEND is never torn, whichever of the workers writes.
LOG = os.open(os.environ["BENCH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def application(environ, start_response):
    """`/sleep/MS` answers after so many milliseconds, `/bytes/N` with so many bytes, below any folder; all else at
    once. A query of `id=ID` is recorded before the work begins."""
    *_, view, last = environ["PATH_INFO"].split("/")
    argument = int(last) if last.isdigit() else 0
    record(environ["QUERY_STRING"])
    received = read_all(environ["wsgi.input"])
    if view == "sleep":
        time.sleep(SLOW if SLOW_FILE and os.path.exists(SLOW_FILE) else argument / 1000)
    length = argument if view == "bytes" else len(answer := f"{NAME} {received}".encode())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(length))])
    return blocks(length) if view == "bytes" else [answer]


def record(query):
    identifier = parse_qs(query).get("id")
    if identifier:
        os.write(LOG, f"{identifier[0]} {time.monotonic():.6f}\n".encode())


def read_all(body):
    received = 0
    while block := body.read(65536):
        received += len(block)
    return received


def blocks(length):
    while length > 0:
        yield BLOCK[:length]
        length -= len(BLOCK)
