"""What is measured: requests under load, and connections that only wait."""

import re
import resource
import socket
import subprocess
from dataclasses import dataclass

from content import KIB, MIB, TEXT, Answer
from servers import LOAD_CORE

CONNECTIONS = 64
IDLE = 2000


@dataclass(frozen=True)
class Workload:
    name: str
    path: str
    servers: tuple
    # What has to come: the body, without its coding or its boundaries.
    content: bytes
    fields: tuple = ()
    answer: Answer = Answer.WHOLE


BOTH = ("rproxy", "nginx")
ALL = ("rproxy", "nginx", "haproxy")
GZIP = ("Accept-Encoding: gzip",)
FILLER = b"x" * KIB
PARTS = ((0, KIB), (MIB, KIB), (9 * MIB, KIB))

WORKLOADS = [
    Workload("1 KiB from memory", "/memory", BOTH, FILLER),
    Workload("1 KiB file, open-file cache", "/cached/1k.bin", BOTH, FILLER),
    Workload("1 KiB file, opened per request by nginx", "/files/1k.bin", BOTH, FILLER),
    Workload("100 KiB file", "/files/100k.bin", BOTH, 100 * FILLER),
    Workload("10 MiB file", "/files/10m.bin", BOTH, 10 * KIB * FILLER),
    Workload("64 KiB of a 10 MiB file", "/files/10m.bin", BOTH, 64 * FILLER,
             ("Range: bytes=5000000-5065535",), Answer.PART),
    Workload("three parts of a 10 MiB file", "/files/10m.bin", BOTH, 3 * FILLER,
             ("Range: bytes=" + ",".join(f"{start}-{start + size - 1}" for start, size in PARTS),), Answer.PARTS),
    Workload("20 KiB style sheet, its gzip twin", "/twins/style.css", BOTH, TEXT, GZIP, Answer.ZIPPED),
    Workload("20 KiB style sheet, compressed on the fly", "/zipped/style.css", BOTH, TEXT, GZIP, Answer.ZIPPED),
    Workload("proxied 1 KiB, kept connections", "/proxied", ALL, FILLER),
    Workload("proxied 20 KiB page, compressed on the fly", "/page", BOTH, TEXT, GZIP, Answer.ZIPPED),
    Workload("100 KiB file by X-Accel-Redirect", "/accelerated", BOTH, 100 * FILLER),
]


def cpu_per_request(server, workload, seconds):
    """Microseconds of the server's CPU time for one request."""
    expect_body(server, workload)
    before = server.cpu_seconds()
    requests = load(f"http://localhost:{server.port}{workload.path}", workload.fields, seconds)
    return (server.cpu_seconds() - before) / requests * 1e6


def expect_body(server, workload):
    """A fast answer counts only if it is the right one."""
    request = [f"GET {workload.path} HTTP/1.1", "Host: localhost", "Connection: close", *workload.fields, "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall("\r\n".join(request).encode())
        answer = b"".join(iter(lambda: client.recv(1 << 20), b""))
    if workload.answer.content(answer) != workload.content:
        head = answer.partition(b"\r\n\r\n")[0].decode(errors="replace")
        raise SystemExit(f"{server.name} answers {workload.path} with\n{head}")


def load(url, fields, seconds):
    """Requests that wrk got answered."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s"]
    for field in fields:
        command += ["-H", field]
    output = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"errors under load of {url}:\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1])


def memory_per_idle_connection(server):
    """Resident bytes that one connection adds which has had an answer and now waits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * IDLE)), hard))
    before = server.memory()
    clients = []
    try:
        for _ in range(IDLE):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            clients.append(client)
            client.sendall(b"GET /memory HTTP/1.1\r\nHost: localhost\r\n\r\n")
            got = b""
            while len(got.partition(b"\r\n\r\n")[2]) < KIB:
                got += client.recv(65536)
        return (server.memory() - before) / IDLE
    finally:
        for client in clients:
            client.close()
