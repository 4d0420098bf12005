#!/usr/bin/env python3
"""Whether pools of real gunicorn workers stay above water behind rproxy, nginx, Caddy and HAProxy. See README.md in
this folder."""

import argparse
import datetime
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from harness.gunicorn import make_environment
from harness.outcome import Outcome
from harness.rig import NotSupported, Rig
from scenarios import failing_server, idle_gaps, killed_workers, overload, slow_clients, slow_reader
from servers import machine, version

HERE = Path(__file__).resolve().parent
SCENARIOS = {1: slow_clients, 2: overload, 3: killed_workers, 4: idle_gaps, 5: failing_server, 6: slow_reader}
FRONTS = {"rproxy": "rproxy", "nginx": "nginx", "caddy": "Caddy", "haproxy": "HAProxy"}
OPEN_FILES = 20_000


def main():
    options = parse_options()
    allow_open_files()
    options.python = options.python or make_environment()
    results = {}
    with tempfile.TemporaryDirectory(prefix="pools-") as folder:
        # Started by root, nginx's workers are nobody, who has to reach the sockets.
        os.chmod(folder, 0o755)
        for number in options.only:
            results[number] = {
                front: run_one(number, front, Path(folder), options) for front in options.servers
            }
    report = render(results, options)
    print("\n" + report)
    if options.output:
        Path(options.output).write_text(report)
    raise SystemExit(not all(outcomes["rproxy"].passed for outcomes in results.values() if "rproxy" in outcomes))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rproxy", default=str(HERE.parent / "target/release/rproxy"), help="the binary to try")
    parser.add_argument("--servers", default=",".join(FRONTS), help="which of them, separated by commas")
    parser.add_argument("--only", default=",".join(map(str, SCENARIOS)), help="numbers of scenarios, such as 1,6")
    parser.add_argument("--seconds", type=int, help="length of each scenario instead of its own")
    parser.add_argument("--python", help="a Python that has gunicorn, instead of an environment below target/")
    parser.add_argument("--output", help="write the tables here too, such as bench/POOLS.md")
    options = parser.parse_args()
    options.only = [int(number) for number in options.only.split(",")]
    options.servers = [name for name in options.servers.split(",") if is_there(name, options)]
    if unknown := set(options.only) - set(SCENARIOS):
        parser.error(f"there is no scenario {unknown}")
    return options


def is_there(name, options):
    if name not in FRONTS:
        raise SystemExit(f"there is no server {name}; there are {', '.join(FRONTS)}")
    found = shutil.which(options.rproxy if name == "rproxy" else name)
    if not found:
        print(f"no {FRONTS[name]}: trying the others alone")
    return found


def allow_open_files():
    """Thousands of clients are some too, and the servers inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, OPEN_FILES)), hard))


def run_one(number, front, folder, options):
    scenario = SCENARIOS[number]
    begun = time.monotonic()
    try:
        with Rig(front, folder / f"{number}-{front}", options, options.seconds or scenario.SECONDS) as rig:
            outcome = scenario.run(rig)
    except NotSupported as refused:
        outcome = Outcome(None, {"keys this binary lacks": str(refused)})
    shutil.rmtree(folder / f"{number}-{front}")
    took = time.monotonic() - begun
    print(f"{outcome.verdict}: {number} {scenario.TITLE}, {FRONTS[front]}, {took:.0f} s", flush=True)
    for measure, value in outcome.measures.items():
        print(f"    {measure}: {value}", flush=True)
    return outcome


def render(results, options):
    lines = ["# Pools", "", f"{datetime.date.today()}. How this is found out stands in README.md.", ""]
    for number, outcomes in results.items():
        lines += [*table(number, outcomes, options), ""]
    return "\n".join([*lines, *versions(options), ""])


def table(number, outcomes, options):
    scenario = SCENARIOS[number]
    measures = list(dict.fromkeys(measure for outcome in outcomes.values() for measure in outcome.measures))
    rows = [("**promise kept**", [outcome.verdict for outcome in outcomes.values()])]
    rows += [(measure, [outcome.measures.get(measure, "-") for outcome in outcomes.values()]) for measure in measures]
    return [
        f"## {number}. {scenario.TITLE}",
        "",
        f"{scenario.PROMISE}. Length: {options.seconds or scenario.SECONDS} s.",
        "",
        f"| | {' | '.join(FRONTS[front] for front in outcomes)} |",
        f"|---|{'---|' * len(outcomes)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]


def versions(options):
    commands = {
        "rproxy": [options.rproxy, "--version"],
        "nginx": ["nginx", "-v"],
        "caddy": ["caddy", "version"],
        "haproxy": ["haproxy", "-v"],
    }
    return [
        f"- machine: {machine()}",
        *(f"- {FRONTS[name]}: {version(commands[name])}" for name in options.servers),
        f"- gunicorn: {version([options.python, '-m', 'gunicorn', '--version'])}",
    ]


if __name__ == "__main__":
    main()
