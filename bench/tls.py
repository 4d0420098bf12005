#!/usr/bin/env python3
"""CPU time per request over TLS and HTTP/2 of rproxy beside nginx and h2o. See README.md in this folder."""

import argparse
import datetime
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import resource

from content import KIB, MIB, make_files
from servers import LOAD_CORE, Server, machine, version

HERE = Path(__file__).resolve().parent
IDLE = 3000
# What a server needs once, whoever connects, is no connection's.
FIRST = 300

NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    log_format line '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                    '"$http_referer" "$http_user_agent"';
    access_log {dir}/access.log line buffer=64k flush=1s;
    {temporary}
    sendfile on; tcp_nopush on; keepalive_timeout 75; keepalive_requests 1000000000;
    types {{ application/octet-stream bin; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        server_name localhost;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ alias {files}/; open_file_cache max=100 inactive=60s; open_file_cache_valid 1s; }}
    }}
}}
"""

RPROXY = """
[server]
workers = 1

[log]
access = "access.log"

[[site]]
listen_tls = ["127.0.0.1:{port}"]
hosts = ["localhost"]

[site.tls]
cert = "{cert}"
key = "{key}"

[[site.location]]
match = "/"
files = "{files}"
"""

H2O = """
num-threads: 1
user: root
pid-file: {dir}/pid
error-log: {dir}/error.log
access-log: {dir}/access.log
hosts:
  "localhost":
    listen:
      host: 127.0.0.1
      port: {port}
      ssl:
        certificate-file: {cert}
        key-file: {key}
    paths:
      "/":
        file.dir: {files}
"""

TLS_1_3 = "TLS 1.3, ECDSA P-256"


class Wrk:
    """Requests over HTTP/1.1."""

    def __init__(self, connections, fields=()):
        self.arguments = ["wrk", "-t1", f"-c{connections}", "--timeout", "30s"]
        for field in fields:
            self.arguments += ["-H", field]

    def load(self, server, path, seconds):
        url = f"https://localhost:{server.port}{path}"
        output = run([*self.arguments, f"-d{seconds}s", url])
        if "Non-2xx" in output or re.search(r"Socket errors:.*(connect|read|write) [1-9]", output):
            raise SystemExit(f"errors under load of {server.name}{path}:\n{output}")
        return int(re.search(r"(\d+) requests in", output)[1])


class H2load:
    """Requests over HTTP/2, several at a time on each connection."""

    def __init__(self, connections, streams):
        self.arguments = ["h2load", f"-c{connections}", f"-m{streams}", "-w24", "-W28"]

    def load(self, server, path, seconds):
        url = f"https://localhost:{server.port}{path}"
        output = run([*self.arguments, f"-D{seconds}", url])
        done = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", output)
        if not done or int(done[2]) or int(done[3]) or "Application protocol: h2" not in output:
            raise SystemExit(f"errors under load of {server.name}{path}:\n{output}")
        return int(done[1])


class Resuming:
    """Connections of one request each, which resume a session."""

    def load(self, server, path, seconds):
        context = trusting()
        session, done, until = None, 0, time.monotonic() + seconds
        while time.monotonic() < until:
            with context.wrap_socket(
                socket.create_connection(("127.0.0.1", server.port), timeout=10),
                server_hostname="localhost",
                session=session,
            ) as client:
                if session and not client.session_reused:
                    raise SystemExit(f"{server.name} does not resume sessions")
                get(client, path, close=True)
                session = client.session
            done += 1
        return done


WORKLOADS = [
    ("1 KiB, kept connections", "/1k.bin", Wrk(64), KIB),
    ("1 KiB, a connection each", "/1k.bin", Wrk(64, ["Connection: close"]), KIB),
    ("1 KiB, a connection each, resumed", "/1k.bin", Resuming(), KIB),
    ("1 KiB over HTTP/2, 8 connections of 16 streams", "/1k.bin", H2load(8, 16), KIB),
    ("100 KiB over HTTP/2, 8 connections of 16 streams", "/100k.bin", H2load(8, 16), 100 * KIB),
    ("10 MiB", "/10m.bin", Wrk(16), 10 * MIB),
    ("10 MiB over HTTP/2, 8 connections of 2 streams", "/10m.bin", H2load(8, 2), 10 * MIB),
]


def main():
    options = parse_options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        servers = start_all(stack, folder, options.rproxy)
        idle = {} if options.only else {name: idle_memory(server) for name, server in servers.items()}
        times = measure(servers, options)
    report = render(times, idle, options)
    print(report)
    if options.output:
        Path(options.output).write_text(report)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rproxy", default=str(HERE.parent / "target/release/rproxy"), help="the binary to measure")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over these")
    parser.add_argument("--seconds", type=int, default=5, help="length of one run")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--output", help="write the table here too, such as bench/TLS.md")
    return parser.parse_args()


def start_all(stack, folder, rproxy):
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )
    values = {"files": make_files(folder / "files"), "cert": cert, "key": key}
    wanted = {"rproxy": ([rproxy, "-c"], RPROXY), "nginx": (["nginx", "-c"], NGINX), "h2o": (["h2o", "-c"], H2O)}
    servers = {}
    for name, (command, config) in wanted.items():
        if shutil.which(command[0]):
            servers[name] = Server(name, command, config, folder, **values)
            stack.callback(servers[name].stop)
    return servers


def measure(servers, options):
    """Medians in microseconds by workload and server; rounds alternate between the servers."""
    times = {}
    for name, path, client, size in WORKLOADS:
        if options.only not in name:
            continue
        for server in servers.values():
            expect(server, path, size)
            client.load(server, path, 1)
        rounds = {server: [] for server in servers}
        for _ in range(options.rounds):
            for server in servers.values():
                before = server.cpu_seconds()
                requests = client.load(server, path, options.seconds)
                rounds[server.name].append((server.cpu_seconds() - before) / requests * 1e6)
        times[name] = {server: statistics.median(values) for server, values in rounds.items()}
        print(name, rounds, flush=True)
    return times


def run(command):
    return subprocess.run(["taskset", "-c", LOAD_CORE, *command], capture_output=True, text=True, check=True).stdout


def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def get(client, path, close=False):
    fields = "Connection: close\r\n" if close else ""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
    body = bytearray(body)
    while len(body) < length:
        part = client.recv(1 << 20)
        if not part:
            break
        body += part
    return head, bytes(body)


def expect(server, path, size):
    """A fast answer counts only if it is the right one."""
    with trusting().wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=10),
                                server_hostname="localhost") as client:
        head, body = get(client, path)
        if not head.startswith(b"HTTP/1.1 200") or body != b"x" * size or client.version() != "TLSv1.3":
            raise SystemExit(f"{server.name} answers {path} over {client.version()} with\n{head.decode()}")


def idle_memory(server):
    """Resident bytes that a connection adds which has had an answer and now waits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * (FIRST + IDLE))), hard))
    context = trusting()
    clients = []
    try:
        connect(server, context, clients, FIRST)
        before = server.memory()
        connect(server, context, clients, IDLE)
        return (server.memory() - before) / IDLE
    finally:
        for client in clients:
            client.close()


def connect(server, context, clients, count):
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        clients.append(context.wrap_socket(plain, server_hostname="localhost"))
        get(clients[-1], "/1k.bin")


def render(times, idle, options):
    rows = [row(name, {server: f"{value:.1f} us" for server, value in values.items()}, values)
            for name, values in times.items()]
    if idle:
        rows.append(row("idle kept connection", {name: f"{size / KIB:.2f} KiB" for name, size in idle.items()}, idle))
    return "\n".join([
        "# Results over TLS",
        "",
        f"{datetime.date.today()}, {options.rounds} rounds of {options.seconds} s, medians, {TLS_1_3}. What is counted is",
        "the server's own CPU time (user and system) for one request; the ratio is rproxy to nginx, below 1 is better.",
        "",
        "| work | rproxy | nginx | h2o | ratio |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"- machine: {machine()}",
        f"- rproxy: {version([options.rproxy, '--version'])}",
        f"- nginx: {version(['nginx', '-v'])}, {version(['openssl', 'version'])}",
        f"- h2o: {version(['h2o', '--version'])}",
        f"- load: {version(['wrk', '-v'])}; {version(['h2load', '--version'])}",
        "",
    ])


def row(name, shown, values):
    ratio = f"{values['rproxy'] / values['nginx']:.2f}" if values.get("rproxy") and values.get("nginx") else "-"
    cells = [shown.get(server, "-") for server in ("rproxy", "nginx", "h2o")]
    return f"| {name} | {' | '.join(cells)} | {ratio} |"


if __name__ == "__main__":
    main()
