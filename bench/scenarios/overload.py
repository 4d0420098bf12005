"""More clients than workers: those that wait cost nothing, those that leave are forgotten."""

import asyncio
import itertools
import random
import time
from collections import Counter

from harness.client import Client, Failed
from harness.fronts import Upstream
from harness.outcome import Outcome, counted, milliseconds, percentile

TITLE = "Overload"
SECONDS = 30
WORKERS = 4
WORK = 50
CLIENTS = 400
GOODPUT = 0.95
DEADLINE = 10.0
PROMISE = (
    f"{WORKERS} workers that take {WORK} ms, {CLIENTS} clients: the answers per second are at least "
    f"{GOODPUT:.0%} of what the pool alone can do, no client sees an error within {DEADLINE:g} s, and no work begins "
    "for a client that has left"
)

CAPACITY_SECONDS = 6
# Enough for every worker to find the next request waiting.
CAPACITY_CLIENTS = 2 * WORKERS
# Until the queue is as long as it gets.
WARM_UP = 8
ARRIVAL = 1.0
# Clients in a hundred that leave before they have an answer, and after how many seconds. The mean wait for an answer
# lies within, so that some leave while a worker is at it.
IMPATIENT = 25
PATIENCE = (0.5, 8.0)
PAUSE = 0.05
# What is on its way from the proxy to a worker when its client leaves was at work too.
ON_ITS_WAY = 0.02
QUIET_LIMIT = 30
WAIT_LIMIT = 30.0


def run(rig):
    pool = rig.pool(WORKERS)
    capacity = capacity_of(rig, pool)
    address = rig.front(Upstream((pool.address,), at_once=WORKERS))
    crowd = rig.crowd(impatient_crowd, address, "c", CLIENTS, IMPATIENT)
    time.sleep(WARM_UP)
    begin = time.monotonic()
    time.sleep(rig.seconds)
    end = time.monotonic()
    asked = crowd.finish()
    return judge(asked, (begin, end), capacity, executed_when_quiet(pool))


def capacity_of(rig, pool):
    """Answers per second without anything in between."""
    crowd = rig.crowd(impatient_crowd, pool.address, "direct", CAPACITY_CLIENTS, 0)
    time.sleep(1)
    begin = time.monotonic()
    time.sleep(CAPACITY_SECONDS)
    end = time.monotonic()
    return rate(crowd.finish(), begin, end)


def rate(asked, begin, end):
    answered = [moment for _, _, moment, result in asked if result == "200"]
    return sum(begin <= moment < end for moment in answered) / (end - begin)


def executed_when_quiet(pool):
    """What the workers have begun, when they begin no more: some go on with what lies in the kernel's backlog."""
    deadline = time.monotonic() + QUIET_LIMIT
    count = -1
    while (executed := pool.executed()) and len(executed) != count and time.monotonic() < deadline:
        count = len(executed)
        time.sleep(1)
    return [(identifier, moment) for identifier, moment in executed if not identifier.startswith("direct")]


def judge(asked, window, capacity, executed):
    left = {identifier: moment for identifier, _, moment, result in asked if result == "left"}
    answered = [(begun, moment) for _, begun, moment, result in asked if result == "200"]
    errors = Counter(result for _, _, _, result in asked if result not in ("200", "left"))
    errors["late"] = sum(moment - begun > DEADLINE for begun, moment in answered)
    errors += Counter()
    wasted = sum(identifier in left and moment > left[identifier] + ON_ITS_WAY for identifier, moment in executed)
    at_work = sum(identifier in left for identifier, _ in executed) - wasted
    goodput = rate(asked, *window)
    waits = [moment - begun for begun, moment in answered if window[0] <= moment < window[1]]
    half, nearly_all = (milliseconds(percentile(waits, percent)) for percent in (50, 99))
    return Outcome(goodput >= GOODPUT * capacity and not errors and not wasted, {
        "the pool alone": f"{capacity:.1f}/s",
        "answers": f"{goodput:.1f}/s",
        "share of the pool": f"{goodput / capacity:.1%}",
        "p50 / p99 of the answers": f"{half} / {nearly_all}",
        "errors": counted(errors),
        "answered / left": f"{len(answered):,} / {len(left):,}",
        "executed": f"{len(executed):,}",
        "at work when their clients left": f"{at_work:,}",
        "begun after their clients had left": f"{wasted:,}",
    })


async def impatient_crowd(stop, address, name, clients, impatient):
    """Identifier, begin, end and result of each request: a status, `left`, or what went wrong. In the end nobody
    comes again, but who waits goes on waiting: a crowd that leaves all at once is another story."""
    asked = []
    numbers = itertools.count()
    await asyncio.gather(*(
        ask_again(stop, asked, address, name, numbers, number * 100 < clients * impatient) for number in range(clients)
    ))
    return asked


async def ask_again(stop, asked, address, name, numbers, impatient):
    await asyncio.sleep(random.uniform(0, ARRIVAL))
    client = Client(address, limit=WAIT_LIMIT)
    while not stop.is_set():
        identifier, begun = f"{name}{next(numbers)}", time.monotonic()
        try:
            async with asyncio.timeout(random.uniform(*PATIENCE) if impatient else None):
                answer = await client.ask("GET", f"/sleep/{WORK}?id={identifier}")
            result = str(answer.status)
        except Failed as error:
            result = str(error)
        except TimeoutError:
            result = "left"
        asked.append((identifier, begun, time.monotonic(), result))
        if result != "200":
            # Whoever was refused at once would come again at once, and the crowd be nothing but that.
            await asyncio.sleep(PAUSE)
