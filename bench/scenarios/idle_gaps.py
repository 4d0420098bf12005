"""Kept connections that the application closes at the very moment they are used again."""

import asyncio
import itertools
import random
from collections import Counter

from harness.client import Client, Failed
from harness.fronts import Upstream
from harness.outcome import Outcome, counted
from servers import free_port

TITLE = "Idle gaps"
SECONDS = 100
REQUESTS_PER_SECOND = 1000
GAPS = (0.0, 6.0)
PROMISE = (
    f"{SECONDS * REQUESTS_PER_SECOND:,} requests ({REQUESTS_PER_SECOND:,} for each second of length), half of them "
    f"POSTs, at random gaps of {GAPS[0]:g} to {GAPS[1]:g} s against gthread, which closes kept connections after 2 s: "
    "no 502, nor any other failure"
)

WORKERS = 2
OPTIONS = ("--threads", "16", "--keep-alive", "2", "--worker-connections", "8000")
# With one pool of connections for all, some are hardly ever idle. So clients ask in groups, each by an upstream of its
# own, and all of a group at once: its connections are then all idle for as long as the group pauses.
GROUPS = 100
GROUP = 30
# Beyond the usual length, for machines that cannot keep up.
SLACK = 2
START_LIMIT = 60


def run(rig):
    # By both kinds of sockets, for they close differently: TCP can lose an answer to a reset.
    binds = [f"unix:{rig.folder}/app.sock", f"127.0.0.1:{free_port()}"]
    rig.pool(WORKERS, binds=binds, worker_class="gthread", options=OPTIONS)
    upstreams = [
        Upstream((binds[number % 2],), prefix=f"/g{number}/", name=f"group{number}") for number in range(GROUPS)
    ]
    address = rig.front(*upstreams)
    crowd = rig.crowd(groups, address, rig.seconds)
    results = crowd.result(limit=SLACK * rig.seconds + START_LIMIT)
    return judge(results, rig.seconds * REQUESTS_PER_SECOND)


def judge(results, wanted):
    failed = {method: Counter() for method in ("GET", "POST")}
    total = Counter()
    for (method, result), count in results.items():
        total[method] += count
        if result != "200":
            failed[method][result] += count
    complete = total.total() >= wanted
    return Outcome(complete and not failed["GET"] and not failed["POST"], {
        "GETs / POSTs": f"{total['GET']:,} / {total['POST']:,}" + ("" if complete else f", too few of {wanted:,}"),
        "GETs that failed": counted(failed["GET"]),
        "POSTs that failed": counted(failed["POST"]),
    })


async def groups(stop, address, seconds):
    """How often each method had each result."""
    results = Counter()
    numbers = itertools.count()
    try:
        async with asyncio.timeout(SLACK * seconds):
            await asyncio.gather(*(
                group(f"/g{number}/sleep/0", address, results, numbers, seconds * REQUESTS_PER_SECOND)
                for number in range(GROUPS)
            ))
    except TimeoutError:
        pass
    return results


async def group(path, address, results, numbers, wanted):
    clients = [Client(address) for _ in range(GROUP)]
    while True:
        await asyncio.sleep(random.uniform(*GAPS))
        asking = list(itertools.takewhile(lambda _: next(numbers) < wanted, clients))
        if not asking:
            return
        await asyncio.gather(*(ask(client, path, results) for client in asking))


async def ask(client, path, results):
    method = random.choice(("GET", "POST"))
    try:
        result = str((await client.ask(method, path, b"order" if method == "POST" else b"")).status)
    except Failed as error:
        result = str(error)
    results[method, result] += 1
