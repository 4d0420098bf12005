"""Clients in processes of their own, so that neither the servers' bookkeeping nor another crowd's
scheduling shows in what a client measures."""

import asyncio
import multiprocessing
import queue
import traceback

END_LIMIT = 60


class Crowd:
    """Runs `body(stop, *arguments)`, a coroutine function of a module, until it ends or is asked to; `stop` is an
    `asyncio.Event`. What it returns is handed back by `finish`."""

    def __init__(self, body, *arguments):
        self.name = body.__name__
        self.stop = multiprocessing.Event()
        self.results = multiprocessing.Queue()
        self.process = multiprocessing.Process(
            target=run, args=(body, arguments, self.stop, self.results), daemon=True
        )
        self.process.start()

    def finish(self, limit=END_LIMIT):
        """Asks it to end and waits for its result."""
        self.stop.set()
        return self.result(limit)

    def result(self, limit):
        """Waits until it ends by itself."""
        try:
            outcome, error = self.results.get(timeout=limit)
        except queue.Empty:
            raise SystemExit(f"{self.name} does not end") from None
        if error:
            raise SystemExit(f"{self.name} broke:\n{error}")
        return outcome

    def end(self):
        """The last resort of every way out; harmless after `finish`."""
        self.process.kill()
        self.process.join()
        self.results.cancel_join_thread()


def run(body, arguments, stop, results):
    try:
        results.put((asyncio.run(watched(body, arguments, stop)), None))
    except Exception:
        results.put((None, traceback.format_exc()))


async def watched(body, arguments, stop):
    asked = asyncio.Event()

    async def watch():
        while not stop.is_set():
            await asyncio.sleep(0.05)
        asked.set()

    watcher = asyncio.create_task(watch())
    try:
        return await body(asked, *arguments)
    finally:
        watcher.cancel()


async def until_stopped(stop, tasks):
    """Lets coroutines that never end run until `stop`, then ends them where they are. One that breaks ends all
    with its error."""
    running = [asyncio.create_task(task) for task in tasks]
    running.append(asyncio.create_task(stop.wait()))
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
