"""A client of HTTP/1.1 that keeps its connection and notices every answer that is not whole."""

import asyncio
import socket
from dataclasses import dataclass

LIMIT = 30.0


class Failed(Exception):
    """There is no whole answer; the text says why."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    keeps: bool


class Client:
    """One request at a time over one connection, which is made anew when the server has closed it."""

    def __init__(self, address, limit=LIMIT):
        self.address = address
        self.limit = limit
        self.reader = self.writer = None

    async def ask(self, method, path, body=b""):
        """The answer, or `Failed`. Nothing is sent twice."""
        try:
            async with asyncio.timeout(self.limit):
                await self.connect()
                self.writer.write(request(method, path, body))
                answer = await read_answer(self.reader)
        except BaseException as error:
            # Also one who is told to leave closes at once: that is how the server learns of it.
            self.close()
            if isinstance(error, TimeoutError):
                raise Failed(f"no answer in {self.limit:g} s") from error
            if isinstance(error, (OSError, EOFError, ValueError)):
                raise Failed(describe(error)) from error
            raise
        if not answer.keeps:
            self.close()
        return answer

    async def connect(self):
        if self.writer and (self.reader.at_eof() or self.writer.is_closing()):
            self.close()
        if not self.writer:
            self.reader, self.writer = await open_connection(self.address)

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None


async def open_connection(address):
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    return await asyncio.open_connection(*host_and_port(address))


def host_and_port(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


def distant_socket():
    """For clients that read slowly. Over loopback the kernel takes megabytes off the sender, for its segments are of
    64 KiB; with segments and a window as on the Internet it leaves that to the server under test."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
    client.setblocking(False)
    return client


def request(method, path, body=b""):
    length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body


async def read_answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    status, fields = parse_head(head)
    try:
        body = await read_body(reader, fields)
    except EOFError as error:
        raise ValueError("closed within an answer") from error
    return Answer(status, body, fields.get("connection", "").lower() != "close")


def parse_head(head):
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return int(first.split(" ", 2)[1]), fields


async def read_body(reader, fields):
    if "chunked" in fields.get("transfer-encoding", ""):
        return await read_chunks(reader)
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    raise ValueError("an answer without a length")


async def read_chunks(reader):
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return body
        body += chunk[:-2]


def describe(error):
    if isinstance(error, asyncio.IncompleteReadError):
        return "closed within an answer" if error.partial else "closed without an answer"
    return str(error) or type(error).__name__
