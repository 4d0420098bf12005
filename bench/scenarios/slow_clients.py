"""Clients that are slow in both directions occupy no worker."""

import asyncio
import random
import time
from collections import Counter

from harness.client import Client, Failed, distant_socket, host_and_port, open_connection, parse_head, request
from harness.crowd import until_stopped
from harness.fronts import Upstream
from harness.outcome import Outcome, milliseconds, percentile

TITLE = "Slow clients"
SECONDS = 30
WORKERS = 2
UPLOADS = 500
DOWNLOADS = 100
ANSWER = 3 << 20
READ_RATE = 10 << 10
PROMISE = (
    f"{WORKERS} sync workers, {UPLOADS} clients that upload one byte a second and {DOWNLOADS} that read "
    f"{ANSWER >> 20} MiB at {READ_RATE >> 10} KiB/s: a normal client's p95 stays within twice its lone value, "
    "and none of its requests fails"
)

# An ordinary view, and a client that looks at a page now and then.
PAGE = "/sleep/10"
PAUSE = 0.02
PATIENCE = 10.0
LONE_SECONDS = 8
ARRIVAL_SECONDS = 8
# Some uploads end within the run, others are cut short by whoever demands a minimum rate.
UPLOAD_SIZES = (10, 120)
AGAIN_AFTER = 1.0
READ_STEP = 0.2


def run(rig):
    pool = rig.pool(WORKERS)
    address = rig.front(Upstream((pool.address,)))
    normal = rig.crowd(normal_client, address)
    time.sleep(1)
    lone = window(LONE_SECONDS)
    slow = rig.crowd(slow_crowd, address)
    time.sleep(ARRIVAL_SECONDS)
    crowded = window(rig.seconds)
    counts = slow.finish()
    samples = normal.finish()
    return judge(samples, lone, crowded, counts)


def window(seconds):
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()


def judge(samples, lone, crowded, counts):
    before = percentile([took for begun, took, _ in samples if lone[0] <= begun <= lone[1]], 95)
    beside = [(took, failure) for begun, took, failure in samples if crowded[0] <= begun <= crowded[1]]
    with_them = percentile([took for took, _ in beside], 95)
    failed = [failure for _, _, failure in samples if failure]
    return Outcome(with_them <= 2 * before and not failed, {
        "p95 alone": milliseconds(before),
        "p95 beside the crowd": milliseconds(with_them),
        "ratio": f"{with_them / before:.2f}" if beside else "-",
        "requests beside the crowd": f"{len(beside):,}",
        "failed, at any time": f"{len(failed):,}",
        "uploads done / cut short": f"{counts['uploads done']:,} / {counts['uploads cut short']:,}",
        "downloads begun / cut short": f"{counts['downloads begun']:,} / {counts['downloads cut short']:,}",
    })


async def normal_client(stop, address):
    """Moment, duration and failure of each request."""
    samples = []
    client = Client(address, limit=PATIENCE)
    while not stop.is_set():
        begun, failure = time.monotonic(), None
        try:
            answer = await client.ask("GET", PAGE)
            if answer.status != 200:
                failure = str(answer.status)
        except Failed as error:
            failure = str(error)
        samples.append((begun, time.monotonic() - begun, failure))
        await asyncio.sleep(PAUSE)
    return samples


async def slow_crowd(stop, address):
    counts = Counter()
    uploads = [again(counts, "uploads", upload, address) for _ in range(UPLOADS)]
    downloads = [again(counts, "downloads", download, address) for _ in range(DOWNLOADS)]
    await until_stopped(stop, [*uploads, *downloads])
    return counts


async def again(counts, kind, client, address):
    """Whoever is done or was sent away comes back, so that the crowd stays as large as it is."""
    await asyncio.sleep(random.uniform(0, ARRIVAL_SECONDS / 2))
    while True:
        try:
            await client(counts, address)
            counts[f"{kind} done"] += 1
        except (OSError, EOFError, ValueError):
            counts[f"{kind} cut short"] += 1
        await asyncio.sleep(AGAIN_AFTER)


async def upload(counts, address):
    """One byte a second; an answer before the last of them, or no 200 after it, is a `ValueError`."""
    reader, writer = await open_connection(address)
    try:
        size = random.randint(*UPLOAD_SIZES)
        writer.write(request("POST", PAGE, b"x" * size)[:-size])
        early = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        try:
            for _ in range(size):
                if (await asyncio.wait([early], timeout=1))[0]:
                    raise ValueError("answered before the end")
                writer.write(b"x")
            status, _ = parse_head(await early)
        finally:
            early.cancel()
        if status != 200:
            raise ValueError(f"answered {status}")
    finally:
        writer.close()


async def download(counts, address):
    loop = asyncio.get_running_loop()
    with distant_socket() as client:
        await loop.sock_connect(client, host_and_port(address))
        await loop.sock_sendall(client, request("GET", f"/bytes/{ANSWER}"))
        received = 0
        while received < ANSWER:
            block = await loop.sock_recv(client, int(READ_RATE * READ_STEP))
            if not block:
                raise ValueError("cut short")
            if not received:
                counts["downloads begun"] += 1
            received += len(block)
            await asyncio.sleep(READ_STEP)
