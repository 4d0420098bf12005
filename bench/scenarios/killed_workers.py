"""Workers die at any moment: what may be sent again is, what may not never is."""

import asyncio
import random
import time
from collections import Counter

from harness.client import Client, Failed
from harness.crowd import until_stopped
from harness.fronts import Upstream
from harness.outcome import Outcome, counted, milliseconds, percentile

TITLE = "Killed workers"
SECONDS = 60
WORKERS = 4
KILL_EVERY = 0.15
RELOAD_EVERY = 5
RESTART_EVERY = 15
PROMISE = (
    f"SIGKILL to one of {WORKERS} workers every {KILL_EVERY * 1000:g} ms, a HUP every {RELOAD_EVERY} s and a whole "
    f"restart every {RESTART_EVERY} s: no GET fails, and no POST is executed twice"
)

CLIENTS = 8
PAGE = "/sleep/3"
PAUSE = (0.0, 0.02)
# Longer than any server here waits for an application that restarts.
PATIENCE = 30.0


def run(rig):
    pool = rig.pool(WORKERS)
    address = rig.front(Upstream((pool.address,), patient=True))
    crowd = rig.crowd(readers_and_writers, address)
    time.sleep(1)
    done = trouble(pool, rig.seconds)
    time.sleep(2)
    return judge(crowd.finish(), done, Counter(identifier for identifier, _ in pool.executed()))


def trouble(pool, seconds):
    """Counts of what was done to the pool."""
    done = Counter()
    begin = time.monotonic()
    reload_at, restart_at = begin + RELOAD_EVERY / 2, begin + RESTART_EVERY * 2 / 3
    while (now := time.monotonic()) < begin + seconds:
        if now >= restart_at:
            pool.restart()
            done["restarts"] += 1
            restart_at += RESTART_EVERY
        elif now >= reload_at:
            pool.reload()
            done["reloads"] += 1
            reload_at += RELOAD_EVERY
        else:
            done["kills"] += pool.kill_a_worker()
        time.sleep(KILL_EVERY)
    return done


def judge(asked, done, executions):
    results = {method: Counter(result for how, _, _, result in asked if how == method) for method in ("GET", "POST")}
    failed = {method: counts - Counter({"200": counts["200"]}) for method, counts in results.items()}
    posts = {identifier: result for method, identifier, _, result in asked if method == "POST"}
    twice = sum(count > 1 for identifier, count in executions.items() if identifier.startswith("POST"))
    lost = sum(result == "200" and not executions[identifier] for identifier, result in posts.items())
    took = [duration for method, _, duration, result in asked if method == "GET" and result == "200"]
    return Outcome(not failed["GET"] and not twice and not lost, {
        "kills / reloads / restarts": f"{done['kills']:,} / {done['reloads']:,} / {done['restarts']:,}",
        "GETs": f"{results['GET'].total():,}",
        "GETs that failed": counted(failed["GET"]),
        "p50 / p99 of the others": f"{milliseconds(percentile(took, 50))} / {milliseconds(percentile(took, 99))}",
        "POSTs": f"{len(posts):,}",
        "POSTs executed twice": f"{twice:,}",
        "POSTs answered but never executed": f"{lost:,}",
        "POSTs that failed, as they may": counted(failed["POST"]),
    })


async def readers_and_writers(stop, address):
    """Method, identifier, duration and result of each request that was not under way at the end."""
    asked = []
    await until_stopped(stop, [
        ask_for_ever(asked, address, method, number) for method in ("GET", "POST") for number in range(CLIENTS)
    ])
    return asked


async def ask_for_ever(asked, address, method, number):
    client = Client(address, limit=PATIENCE)
    sequence = 0
    while True:
        sequence += 1
        identifier, begun = f"{method}-{number}-{sequence}", time.monotonic()
        try:
            answer = await client.ask(method, f"{PAGE}?id={identifier}", b"order" if method == "POST" else b"")
            result = str(answer.status)
        except Failed as error:
            result = str(error)
        asked.append((method, identifier, time.monotonic() - begun, result))
        await asyncio.sleep(random.uniform(*PAUSE))
