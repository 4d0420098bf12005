"""Real gunicorn in an environment of its own."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
REQUIREMENTS = REPOSITORY / "tests/requirements.txt"
START_LIMIT = 30


def make_environment():
    """The Python of a virtual environment below target/, made on first use with the tests' gunicorn."""
    lines = REQUIREMENTS.read_text().splitlines()
    requirement = next(line for line in lines if line.startswith("gunicorn=="))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = REPOSITORY / "target" / f"bench-{version}-{requirement}"
    python = folder / "bin/python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        subprocess.run([str(python), *pip], check=True)
        # Written last: an environment that was interrupted while it was made is made again.
        (folder / "complete").touch()
    return str(python)


class Gunicorn:
    """One master with its workers, in a process group of their own."""

    def __init__(self, python, folder, workers, binds=(), worker_class="sync", options=(), name="app"):
        self.name = name
        self.folder = folder
        self.workers = workers
        self.binds = list(binds) or [f"unix:{folder / name}.sock"]
        self.log = folder / f"{name}.executed"
        self.slow_file = folder / f"{name}.slow"
        self.command = [
            python, "-m", "gunicorn", "app:application", "--chdir", str(HERE), "--no-control-socket",
            "--workers", str(workers), "--worker-class", worker_class, "--graceful-timeout", "5", *options,
        ]
        for bind in self.binds:
            self.command += ["--bind", bind]
        self.process = None
        self.start()

    @property
    def address(self):
        return self.binds[0]

    def start(self):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GUNICORN_", "FORWARDED_"))}
        environment = clean | {
            "BENCH_LOG": str(self.log), "BENCH_NAME": self.name, "BENCH_SLOW_FILE": str(self.slow_file),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with open(self.folder / f"{self.name}.log", "ab") as output:
            self.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
            )
        self.wait_until_answering()

    def wait_until_answering(self):
        deadline = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / f"{self.name}.log").read_text(errors="replace")
                self.stop()
                raise SystemExit(f"gunicorn does not answer:\n{log}")
            time.sleep(0.02)

    def answers(self):
        try:
            with connect(self.address, timeout=START_LIMIT) as client:
                client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                return client.recv(15).startswith(b"HTTP/1.")
        except OSError:
            return False

    def worker_pids(self):
        """Children of the master. It has one thread, so they are all in that one's list."""
        pid = self.process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def kill_a_worker(self):
        """SIGKILL to one at random; whether there was one."""
        pids = self.worker_pids()
        if not pids:
            return False
        try:
            os.kill(random.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def restart(self):
        """As an operator does it: an orderly stop, then a start."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=START_LIMIT)
        except subprocess.TimeoutExpired:
            pass
        self.stop()
        self.start()

    def signal_all(self, number):
        os.killpg(self.process.pid, number)

    def stop(self):
        """At once, with all workers. A group outlives its master as long as one worker lives."""
        try:
            self.signal_all(signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def executed(self):
        """Identifiers with the moment their work began, in the order of beginning; duplicates stay in."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(identifier, float(moment)) for identifier, moment in (line.split() for line in lines)]


def connect(address, timeout):
    """A blocking connection to `unix:PATH` or `HOST:PORT`."""
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(address.removeprefix("unix:"))
        except OSError:
            client.close()
            raise
        return client
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=timeout)
