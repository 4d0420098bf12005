"""The demo site's application: plain WSGI on a small pre-forking server, with Python's standard library alone.

rproxy starts it by itself (see site.toml). By hand:

    python3 demo_app.py --socket run/app.sock
    python3 demo_app.py --bind 127.0.0.1:8000 --workers 4

A real site runs gunicorn, uWSGI or another app server here; the application below would not change.
"""

import argparse
import errno
import hashlib
import html
import json
import os
import signal
import socket
import string
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import SimpleHandler

PAGE = string.Template(Path(__file__).with_name("demo_app.html").read_text("utf-8"))
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/json")
HTML = ("Content-Type", "text/html; charset=utf-8")
# What rproxy tells the application about the client.
TOLD = [
    "Host",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Real-IP",
    "X-Request-ID",
]


# --- the application -------------------------------------------------------------------------------------


def application(environ, start_response):
    """Calls the page of that path; each takes `environ` and gives a status, headers and a body."""
    status, headers, body = PAGES.get(environ["PATH_INFO"], missing)(environ)
    if isinstance(body, str):
        body = [body.encode()]
        headers = [*headers, ("Content-Length", str(len(body[0])))]
    start_response(status, headers)
    return body


def home(environ):
    told = "".join(
        f"<tr><th scope=row>{name}<td>{html.escape(value) if value else '<em>not sent</em>'}"
        for name, value in ((name, header(environ, name)) for name in TOLD)
    )
    facts = {
        "pid": str(os.getpid()),
        "socket": environ["demo.listener"],
        "request_id": header(environ, "X-Request-ID") or "none",
        "python": sys.version.split()[0],
    }
    page = PAGE.substitute({name: html.escape(fact) for name, fact in facts.items()}, told=told)
    return "200 OK", [HTML, ("Cache-Control", "no-store")], page


def whoami(environ):
    """Who answers, and what it was told of the client: for scripts, and for the dots on the page."""
    told = {name: header(environ, name) for name in TOLD}
    answer = {"pid": os.getpid(), "listener": environ["demo.listener"], "told": told}
    return "200 OK", [JSON, ("Cache-Control", "no-store")], json.dumps(answer, indent=2) + "\n"


def upload(environ):
    if environ["REQUEST_METHOD"] != "POST":
        return "405 Method Not Allowed", [PLAIN, ("Allow", "POST")], "POST a body here.\n"
    size, digest = 0, hashlib.sha256()
    while block := environ["wsgi.input"].read(64 * 1024):
        size += len(block)
        digest.update(block)
    answer = {"bytes": size, "sha256": digest.hexdigest(), "pid": os.getpid()}
    return "200 OK", [JSON], json.dumps(answer, indent=2) + "\n"


def slow(environ):
    time.sleep(2)
    return "200 OK", [PLAIN], f"Worker {os.getpid()} thought about it for two seconds.\n"


def stream(environ):
    def lines():
        for number in range(1, 11):
            yield f"{number:2} of 10, as soon as it was ready, from worker {os.getpid()}\n".encode()
            time.sleep(0.4)

    # Browsers hold plain text back to guess its type, unless told not to.
    return "200 OK", [PLAIN, ("X-Content-Type-Options", "nosniff")], lines()


def error(environ):
    page = notice("500", "The application's own error page", "It passes through rproxy unchanged.")
    return "500 Internal Server Error", [HTML], page


def crash(environ):
    """Dies as a worker does that runs out of memory: without an answer."""
    os._exit(1)


def missing(environ):
    path = html.escape(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
    page = notice("404", "The application has no such page", f"It was asked for <code>{path}</code>.")
    return "404 Not Found", [HTML], page


PAGES = {
    "/": home,
    "/whoami": whoami,
    "/upload": upload,
    "/slow": slow,
    "/stream": stream,
    "/error": error,
    "/crash": crash,
}


def header(environ, name):
    return environ.get("HTTP_" + name.upper().replace("-", "_"))


def notice(status, title, text):
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><link rel="stylesheet" href="/static/site.css"><link rel="icon" href="/static/logo.svg">'
        f'<main class="notice"><p class="status">{status}</p><h1>{title}</h1><p>{text} '
        f'Worker {os.getpid()} wrote this.</p><p><a href="/">Back to the start</a></p></main></html>'
    )


# --- the server ------------------------------------------------------------------------------------------


class Answer(SimpleHandler):
    """wsgiref's gateway, taught HTTP/1.1: bodies of unknown length are chunked."""

    http_version = "1.1"
    os_environ = {}
    wsgi_multiprocess = wsgi_multithread = True
    in_body = framed = False

    def cleanup_headers(self):
        super().cleanup_headers()
        self.headers["Connection"] = "close"
        if "Content-Length" not in self.headers and self.environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            self.headers["Transfer-Encoding"] = "chunked"

    def send_headers(self):
        super().send_headers()
        self.in_body = True
        self.framed = "Transfer-Encoding" in self.headers

    def _write(self, data):
        if self.in_body and self.environ["REQUEST_METHOD"] == "HEAD":
            return
        super()._write(b"%x\r\n%b\r\n" % (len(data), data) if self.framed else data)

    def write(self, data):
        if data:  # an empty chunk would end the body
            super().write(data)

    def finish_content(self):
        super().finish_content()
        if self.framed:
            self.framed = False
            self._write(b"0\r\n\r\n")
            self._flush()


class Body:
    """A request's body: never reads past its end, where the next request would begin."""

    def __init__(self, file, length):
        self.file, self.left = file, length

    def read(self, size=-1):
        block = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block

    def readline(self, size=-1):
        line = self.file.readline(self.left if size < 0 else min(size, self.left))
        self.left -= len(line)
        return line

    def readlines(self, hint=-1):
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")


class Connection(BaseHTTPRequestHandler):
    """One request, then the connection closes, as with gunicorn's sync workers."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def answer(self):
        self.close_connection = True
        if "Transfer-Encoding" in self.headers:
            # rproxy sends a length; whoever calls directly has to as well.
            return self.send_error(411)
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            # PEP 3333 wants the path's bytes in a str of Latin-1.
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            "SERVER_PROTOCOL": self.request_version,
            "SERVER_NAME": "demo",
            "SERVER_PORT": "0",
            "REMOTE_ADDR": self.client_address[0] if self.client_address else "",
            "demo.listener": self.server,
        }
        for name in set(self.headers) - {"Content-Type", "Content-Length"}:
            environ["HTTP_" + name.upper().replace("-", "_")] = ", ".join(self.headers.get_all(name))
        body = Body(self.rfile, int(environ["CONTENT_LENGTH"]))
        Answer(body, self.wfile, sys.stderr, environ).run(application)
        while body.read(64 * 1024):
            pass  # closing with unread input would reset the connection and could take the answer with it

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        """rproxy's access log has it all."""


def work(listener, name):
    """A worker: accepts until it is told to stop, then finishes what it has begun."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    while True:
        client, address = listener.accept()
        threading.Thread(target=converse, args=(client, address, name)).start()


def converse(client, address, name):
    with client:
        try:
            Connection(client, address, name)
        except OSError:
            pass  # the peer has gone


def serve(listener, name, count):
    """The master: keeps `count` workers alive until SIGTERM, SIGINT, or the end of whoever started it."""
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    parent = os.getppid()
    workers = {fork(listener, name) for _ in range(count)}
    print(f"listening on {name} with workers {', '.join(map(str, sorted(workers)))}", flush=True)
    while os.getppid() == parent:
        # Without a handler: signals wait until they are asked for, so none is lost between two lines.
        received = signal.sigtimedwait(signals, 1)
        if received and received.si_signo != signal.SIGCHLD:
            break
        for pid in reaped():
            workers.discard(pid)
            workers.add(replacement := fork(listener, name))
            print(f"worker {pid} died; worker {replacement} takes its place", flush=True)
    else:
        print("whoever started this is gone; stopping", flush=True)
    listener.close()
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)


def fork(listener, name):
    pid = os.fork()
    if pid:
        return pid
    work(listener, name)


def reaped():
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid


def listen(arguments):
    """The listening socket, and its name as rproxy's configuration writes it."""
    if arguments.bind:
        host, _, port = arguments.bind.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host.strip("[]"), int(port)), family=family)
        return listener, "{}:{}".format(*listener.getsockname()[:2])
    Path(arguments.socket).parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(arguments.socket)
    except OSError as taken:
        if taken.errno != errno.EADDRINUSE or answers(arguments.socket):
            raise
        os.unlink(arguments.socket)  # left behind by a process that was killed
        listener.bind(arguments.socket)
    listener.listen(128)
    return listener, f"unix:{os.path.relpath(arguments.socket)}"


def answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def main():
    parser = argparse.ArgumentParser(description="The demo application behind rproxy.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", metavar="PATH", help="a Unix socket to listen on")
    where.add_argument("--bind", metavar="HOST:PORT", help="a TCP address to listen on")
    parser.add_argument("--workers", type=int, default=2, help="how many processes (default: 2)")
    arguments = parser.parse_args()
    listener, name = listen(arguments)
    serve(listener, name, arguments.workers)
    if arguments.socket:
        os.unlink(arguments.socket)


if __name__ == "__main__":
    main()
