#!/usr/bin/env python3
"""CPU time per request of rproxy beside nginx and HAProxy. See README.md in this folder."""

import argparse
import datetime
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from content import make_files
from servers import machine, start_all, version
from workloads import WORKLOADS, cpu_per_request, memory_per_idle_connection

HERE = Path(__file__).resolve().parent


def main():
    options = parse_options()
    rproxy = options.rproxy if Path(options.rproxy).exists() else None
    if rproxy is None:
        print(f"no {options.rproxy}: measuring the others alone")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        servers = start_all(stack, folder, make_files(folder / "files"), rproxy)
        # Memory comes first: what a load has left behind would be used again.
        idle = {name: memory_per_idle_connection(servers[name]) for name in ("rproxy", "nginx") if name in servers}
        times = measure(servers, options)
    report = render(times, idle, options, rproxy)
    print(report)
    if options.output:
        Path(options.output).write_text(report)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rproxy", default=str(HERE.parent / "target/release/rproxy"), help="the binary to measure")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over these")
    parser.add_argument("--seconds", type=int, default=5, help="length of one run")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--output", help="write the table here too, such as bench/RESULTS.md")
    return parser.parse_args()


def measure(servers, options):
    """Medians in microseconds by workload and server. Rounds alternate between the servers, so that
    a machine that gets slower or faster meanwhile does so for all of them."""
    times = {}
    for workload in (workload for workload in WORKLOADS if options.only in workload.name):
        taking_part = [servers[name] for name in workload.servers if name in servers]
        for server in taking_part:
            cpu_per_request(server, workload, 1)
        rounds = {server.name: [] for server in taking_part}
        for _ in range(options.rounds):
            for server in taking_part:
                rounds[server.name].append(cpu_per_request(server, workload, options.seconds))
        times[workload.name] = {name: statistics.median(values) for name, values in rounds.items()}
        print(workload.name, rounds, flush=True)
    return times


def render(times, idle, options, rproxy):
    rows = [
        row(name, {server: f"{value:.1f} us" for server, value in values.items()}, values)
        for name, values in times.items()
    ]
    rows.append(row("idle kept connection", {name: f"{size / 1024:.2f} KiB" for name, size in idle.items()}, idle))
    return "\n".join([
        "# Results",
        "",
        f"{datetime.date.today()}, {options.rounds} rounds of {options.seconds} s, medians. What is counted is the",
        "server's own CPU time (user and system) for one request; the ratio is rproxy to nginx, below 1 is better.",
        "",
        "| work | rproxy | nginx | HAProxy | ratio |",
        "|---|---|---|---|---|",
        *rows,
        "",
        *versions(rproxy),
        "",
    ])


def row(name, shown, values):
    ratio = f"{values['rproxy'] / values['nginx']:.2f}" if values.get("rproxy") and values.get("nginx") else "-"
    cells = [shown.get(server, "-") for server in ("rproxy", "nginx", "haproxy")]
    return f"| {name} | {' | '.join(cells)} | {ratio} |"


def versions(rproxy):
    return [
        f"- machine: {machine()}",
        f"- rproxy: {version([rproxy, '--version']) if rproxy else 'not measured'}",
        f"- nginx: {version(['nginx', '-v'])}",
        f"- HAProxy: {version(['haproxy', '-v'])}",
        f"- load: {version(['wrk', '-v'])}, 64 kept connections",
    ]


if __name__ == "__main__":
    main()
