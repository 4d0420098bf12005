"""What is measured: requests under load, and connections that only wait."""

import re
import resource
import socket
import subprocess
from dataclasses import dataclass

from servers import LOAD_CORE

CONNECTIONS = 64
IDLE = 2000
KIB = 1024


@dataclass(frozen=True)
class Workload:
    name: str
    path: str
    servers: tuple
    size: int


WORKLOADS = [
    Workload("1 KiB from memory", "/memory", ("rproxy", "nginx"), KIB),
    Workload("1 KiB file, open-file cache", "/cached/1k.bin", ("rproxy", "nginx"), KIB),
    Workload("1 KiB file, opened per request by nginx", "/files/1k.bin", ("rproxy", "nginx"), KIB),
    Workload("100 KiB file", "/files/100k.bin", ("rproxy", "nginx"), 100 * KIB),
    Workload("10 MiB file", "/files/10m.bin", ("rproxy", "nginx"), 10 * KIB * KIB),
    Workload("proxied 1 KiB, kept connections", "/proxied", ("rproxy", "nginx", "haproxy"), KIB),
]


def make_files(folder):
    folder.mkdir()
    for name, size in (("1k.bin", KIB), ("100k.bin", 100 * KIB), ("10m.bin", 10 * KIB * KIB)):
        (folder / name).write_bytes(b"x" * size)
    return folder


def cpu_per_request(server, workload, seconds):
    """Microseconds of the server's CPU time for one request."""
    expect_body(server, workload)
    before = server.cpu_seconds()
    requests = load(f"http://localhost:{server.port}{workload.path}", seconds)
    return (server.cpu_seconds() - before) / requests * 1e6


def expect_body(server, workload):
    """A fast answer counts only if it is the right one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(f"GET {workload.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(1 << 20), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or body != b"x" * workload.size:
        raise SystemExit(f"{server.name} answers {workload.path} with\n{head.decode(errors='replace')}")


def load(url, seconds):
    """Requests that wrk got answered."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
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
