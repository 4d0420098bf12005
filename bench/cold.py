#!/usr/bin/env python3
"""How long a hot file takes while others download cold ones. See README.md in this folder."""

import argparse
import datetime
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from content import KIB, MIB, write
from servers import LOAD_CORE, Server, machine, version

HERE = Path(__file__).resolve().parent

NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log warn;
events {{ worker_connections 1000; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_timeout 75; keepalive_requests 1000000000;
    {temporary}
    server {{ listen 127.0.0.1:{port}; location / {{ root {files}; AIO }} }}
}}
"""

RPROXY = """
[server]
workers = 1

[log]
access = "off"

[[site]]
listen = ["127.0.0.1:{port}"]

[[site.location]]
match = "/"
files = "{files}"
"""


def main():
    options = parse_options()
    # The server has the other one to itself.
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    target = HERE.parent / "target"
    target.mkdir(exist_ok=True)
    # On a disk: what lies in memory anyway cannot be cold.
    with tempfile.TemporaryDirectory(prefix="cold-", dir=options.folder or target) as folder:
        folder = Path(folder)
        files = make_files(folder / "files", options)
        kinds = servers(options)
        rows = {name: [] for name in kinds}
        # Rounds alternate between the servers, as everything on a machine changes with time.
        for number in range(options.rounds):
            for name, (command, config) in kinds.items():
                rows[name].append(measure(name, command, config, folder / str(number), files, options))
                print(name, rows[name][-1], flush=True)
    report = render(rows, options)
    print(report)
    if options.output:
        Path(options.output).write_text(report)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rproxy", default=str(HERE.parent / "target/release/rproxy"), help="the binary to measure")
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over these")
    parser.add_argument("--seconds", type=int, default=15, help="length of one run")
    parser.add_argument("--downloads", type=int, default=4, help="clients that download cold files")
    parser.add_argument("--mib", type=int, default=512, help="size of a cold file")
    parser.add_argument("--folder", help="where the files are made, on a disk; below target/ unless said")
    parser.add_argument("--output", help="write the table here too, such as bench/COLD.md")
    return parser.parse_args()


def servers(options):
    """Commands and configurations by name."""
    nginx = ["nginx", "-c"]
    found = {}
    if Path(options.rproxy).exists():
        found["rproxy"] = ([options.rproxy, "-c"], RPROXY)
    found["nginx, aio off"] = (nginx, NGINX.replace("AIO", "aio off;"))
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=True).stderr
    if "--with-threads" in built:
        found["nginx, aio threads"] = (nginx, NGINX.replace("AIO", "aio threads;"))
    return found


def make_files(folder, options):
    write(folder / "hot.bin", b"x" * KIB)
    for number in range(options.downloads):
        with open(folder / f"cold{number}.bin", "wb") as file:
            for _ in range(options.mib):
                # No two blocks alike, whatever is below the file system.
                file.write(os.urandom(MIB))
            file.flush()
            os.fsync(file.fileno())
    return folder


def forget(path):
    """Has the kernel drop a file's pages."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(name, command, config, folder, files, options):
    """Milliseconds that the hot file takes by itself and beside downloads, and what those got."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        server = Server(name.replace(", ", "-").replace(" ", "-"), command, config, folder, files=files)
        stack.callback(server.stop)
        alone = hot(server.port, min(options.seconds, 3))
        stop, downloaded = multiprocessing.Event(), multiprocessing.Value("Q", 0)
        clients = [
            multiprocessing.Process(target=download, args=(server.port, files, number, stop, downloaded))
            for number in range(options.downloads)
        ]
        read = disk_reads(server)
        for client in clients:
            client.start()
        try:
            times = hot(server.port, options.seconds)
        finally:
            stop.set()
            for client in clients:
                client.join()
        return {
            "alone p99": percentile(alone, 99),
            "p50": percentile(times, 50),
            "p99": percentile(times, 99),
            "p99.9": percentile(times, 99.9),
            "longest": max(times),
            "sent": downloaded.value / options.seconds / MIB,
            "read": (disk_reads(server) - read) / options.seconds / MIB,
        }


def hot(port, seconds):
    """Latencies in milliseconds of one request after the other on a kept connection. A short pause between them has
    them fall into moments that have nothing to do with the server's own rhythm."""
    times = []
    end = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < end:
            begun = time.monotonic()
            client.sendall(b"GET /hot.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            got = b""
            while len(got.partition(b"\r\n\r\n")[2]) < KIB:
                piece = client.recv(65536)
                if not piece:
                    raise SystemExit("the server has closed")
                got += piece
            times.append((time.monotonic() - begun) * 1000)
            time.sleep(0.001)
    return times


def download(port, files, number, stop, downloaded):
    """One cold file, again and again, cold each time."""
    # The client whose latency counts goes first: it is the server that is measured.
    os.nice(19)
    path = files / f"cold{number}.bin"
    while not stop.is_set():
        forget(path)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(f"GET /{path.name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while not stop.is_set() and (piece := client.recv(1 << 18)):
                with downloaded.get_lock():
                    downloaded.value += len(piece)


def disk_reads(server):
    """Bytes that the process has had the disk read."""
    for line in Path(f"/proc/{server.process.pid}/io").read_text().splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    return 0


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def render(rows, options):
    columns = ["alone p99", "p50", "p99", "p99.9", "longest"]
    lines = []
    for name, rounds in rows.items():
        values = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        cells = [f"{values[column]:.2f} ms" for column in columns]
        cells += [f"{values['sent']:.0f} MiB/s", f"{values['read']:.0f} MiB/s"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([
        "# A hot file beside cold ones",
        "",
        f"{datetime.date.today()}, {options.rounds} rounds of {options.seconds} s, medians. One client asks for a file of",
        f"1 KiB, again and again, while {options.downloads} others download files of {options.mib} MiB which the kernel has been",
        "told to forget. Every server has one event loop.",
        "",
        "| server | alone, p99 | p50 | p99 | p99.9 | longest | sent | from disk |",
        "|---|---|---|---|---|---|---|---|",
        *lines,
        "",
        f"- machine: {machine()}",
        f"- rproxy: {version([options.rproxy, '--version'])}",
        f"- nginx: {version(['nginx', '-v'])}",
        "",
    ])


if __name__ == "__main__":
    main()
