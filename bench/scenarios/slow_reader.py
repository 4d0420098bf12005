"""One client that reads slowly occupies the worker no longer than the application takes to answer."""

import asyncio
import time

from harness.client import Client, Failed, distant_socket, host_and_port, request
from harness.fronts import Upstream
from harness.outcome import Outcome

TITLE = "A large answer to a slow client"
SECONDS = 20
SIZE = 100 << 20
READ_RATE = 10 << 10
LIMIT = 2.0
PROMISE = (
    f"{SIZE >> 20} MiB to a client of {READ_RATE >> 10} KiB/s free the only sync worker in under {LIMIT:g} s: "
    "another request that comes right after is answered by then; the slow client still gets every byte"
)
READ_STEP = 0.1
START_LIMIT = 10
# Once the worker is known to be free, the client need not be slow any longer.
HURRY_LIMIT = 30


def run(rig):
    pool = rig.pool(1)
    address = rig.front(Upstream((pool.address,)))
    reader = rig.crowd(slow_reader, address, rig.seconds)
    begun = begin_of_work(pool)
    status = asyncio.run(another_request(address, rig.seconds))
    took = time.monotonic() - begun
    whole = reader.finish()
    freed = f"{took:.2f} s" if status == "200" else f"not after {took:.1f} s: {status}"
    return Outcome(status == "200" and took < LIMIT and whole, {
        "the other request is answered after": freed,
        "every byte arrives": "yes" if whole else "no",
    })


def begin_of_work(pool):
    """The moment when the worker began with the large answer."""
    deadline = time.monotonic() + START_LIMIT
    while not (executed := pool.executed()):
        if time.monotonic() > deadline:
            raise SystemExit("the large answer was never asked for")
        time.sleep(0.005)
    return executed[0][1]


async def another_request(address, limit):
    try:
        return str((await Client(address, limit=limit).ask("GET", "/sleep/0")).status)
    except Failed as error:
        return str(error)


async def slow_reader(stop, address, limit):
    """Slow until told to stop, then as fast as it can; whether all came."""
    loop = asyncio.get_running_loop()
    with distant_socket() as client:
        try:
            async with asyncio.timeout(limit + HURRY_LIMIT):
                await loop.sock_connect(client, host_and_port(address))
                await loop.sock_sendall(client, request("GET", f"/bytes/{SIZE}?id=large"))
                await skip_head(loop, client)
                return await body_length(stop, loop, client) == SIZE
        except (OSError, EOFError):
            return False


async def skip_head(loop, client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await receive(loop, client, 1)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise EOFError(f"answered {head!r}")


async def body_length(stop, loop, client):
    received = 0
    while received < SIZE:
        if stop.is_set():
            received += len(await receive(loop, client, 1 << 20))
        else:
            received += len(await receive(loop, client, int(READ_RATE * READ_STEP)))
            await asyncio.sleep(READ_STEP)
    return received


async def receive(loop, client, size):
    block = await loop.sock_recv(client, size)
    if not block:
        raise EOFError("closed before the end")
    return block
