"""One server of several becomes slow, dies, comes back, and freezes: the others take over."""

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass

from harness.client import Client, Failed
from harness.crowd import until_stopped
from harness.fronts import Upstream
from harness.outcome import Outcome, counted, milliseconds, percentile
from servers import free_port

TITLE = "One server of four fails"
SECONDS = 42
SERVERS = 4
HEALTH_INTERVAL = 1.0
HEALTH_TIMEOUT = 0.5
SHIFT = 2 * HEALTH_INTERVAL
FAIR = 1 / SERVERS
LITTLE = FAIR / 5
MUCH = FAIR / 2
PROMISE = (
    "One server of four takes 300 ms instead of 5 ms, is killed, started again, and frozen. Within two health "
    f"intervals ({SHIFT:g} s) it has under {LITTLE:.0%} of the traffic when slow, over {MUCH:.1%} when back, and when "
    "frozen nothing new hangs on it (half a second more, for the check's own time limit); no request fails"
)

CLIENTS = 40
PAGE = "/sleep/5"
PAUSE = (0.05, 0.15)
PATIENCE = 30.0
OPTIONS = ("--threads", "16")
# The share of traffic is that of half a second, looked at every tenth.
WINDOW = 0.5
STEP = 0.1
HANGING = 1.0


@dataclass(frozen=True)
class Asked:
    begun: float
    took: float
    result: str
    server: str


class Fate:
    """What becomes of the first server, phase by phase, and when each phase began."""

    def __init__(self, server, seconds):
        self.server = server
        self.length = seconds / 7
        self.phases = {}

    def take_its_course(self):
        self.phase("steady", lambda: None)
        self.phase("slow", self.server.slow_file.touch)
        self.phase("fast again", self.server.slow_file.unlink)
        self.phase("dead", self.server.stop)
        self.phase("back", self.server.start)
        self.phase("frozen", lambda: self.server.signal_all(signal.SIGSTOP))
        self.phase("thawed", lambda: self.server.signal_all(signal.SIGCONT))

    def phase(self, name, begin):
        begin()
        moment = time.monotonic()
        time.sleep(self.length)
        self.phases[name] = (moment, time.monotonic())


def run(rig):
    servers = [
        rig.pool(1, name=f"server{number}", binds=[f"127.0.0.1:{free_port()}"], worker_class="gthread", options=OPTIONS)
        for number in range(SERVERS)
    ]
    address = rig.front(Upstream(tuple(server.address for server in servers), checked=True))
    crowd = rig.crowd(visitors, address)
    # Until all servers have been found healthy and their latencies are known.
    time.sleep(SHIFT + 1)
    fate = Fate(servers[0], rig.seconds)
    fate.take_its_course()
    return judge(crowd.finish(), servers[0].name, fate.phases)


def judge(asked, name, phases):
    asked = [Asked(*fields) for fields in asked]
    failed = Counter(request.result for request in asked if request.result != "200")
    slow_after, slow_share = shift(asked, name, phases["slow"], lambda share: share < LITTLE)
    back_after, back_share = shift(asked, name, phases["back"], lambda share: share > MUCH)
    hanging = [request for request in between(asked, *phases["frozen"]) if request.took > HANGING]
    noticed = SHIFT + HEALTH_TIMEOUT
    hanging_later = sum(request.begun > phases["frozen"][0] + noticed for request in hanging)
    dead = [request.took for request in between(asked, *phases["dead"])]
    shifted = slow_after <= SHIFT and slow_share < LITTLE and back_after <= SHIFT and back_share > MUCH
    return Outcome(shifted and not hanging_later and not failed, {
        "requests": f"{len(asked):,}",
        "failed": counted(failed),
        f"slow: when under {LITTLE:.0%}, share after {SHIFT:g} s": f"{since(slow_after)}, {slow_share:.1%}",
        "dead: p50 / longest answer": f"{milliseconds(percentile(dead, 50))} / {milliseconds(max(dead, default=0))}",
        f"back: when over {MUCH:.1%}, share after {SHIFT:g} s": f"{since(back_after)}, {back_share:.1%}",
        f"frozen: hung over {HANGING:g} s, begun after {noticed:g} s": f"{len(hanging):,}, {hanging_later:,}",
        **{
            f"its share by the second, {phase}": shares_by_second(asked, name, window)
            for phase, window in phases.items()
        },
    })


def between(asked, begin, end):
    return [request for request in asked if begin <= request.begun < end]


def share(asked, name):
    return sum(request.server == name for request in asked) / len(asked) if asked else 0.0


def shift(asked, name, phase, enough):
    """Seconds from the beginning of the phase until the share of half a second is as it has to be, and the share from
    the time on when it must be."""
    begin, end = phase
    settled = share(between(asked, begin + SHIFT, end), name)
    during = between(asked, begin, end)
    for step in range(int((end - begin - WINDOW) / STEP) + 1):
        moment = begin + step * STEP
        if enough(share(between(during, moment, moment + WINDOW), name)):
            return moment - begin, settled
    return float("inf"), settled


def since(seconds):
    return "never" if seconds == float("inf") else f"from {seconds:.1f} s on"


def shares_by_second(asked, name, phase):
    begin, end = phase
    seconds = int(end - begin)
    shares = [share(between(asked, begin + second, begin + second + 1), name) for second in range(seconds)]
    return " ".join(f"{value:.0%}" for value in shares)


async def visitors(stop, address):
    """Begin, duration, result and answering server of each request."""
    asked = []
    await until_stopped(stop, [ask_for_ever(asked, address) for _ in range(CLIENTS)])
    return asked


async def ask_for_ever(asked, address):
    client = Client(address, limit=PATIENCE)
    await asyncio.sleep(random.uniform(*PAUSE))
    while True:
        begun, server = time.monotonic(), ""
        try:
            answer = await client.ask("GET", PAGE)
            result, server = str(answer.status), answer.body.split()[0].decode() if answer.status == 200 else ""
        except Failed as error:
            result = str(error)
        asked.append((begun, time.monotonic() - begun, result, server))
        await asyncio.sleep(random.uniform(*PAUSE))
