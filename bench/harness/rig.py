"""One server under test with the pools behind it, all ended with the rig."""

import os
import subprocess
from contextlib import ExitStack

from harness.crowd import Crowd
from harness.fronts import COMMANDS, render
from harness.gunicorn import Gunicorn
from servers import Server


class NotSupported(Exception):
    """This binary refuses a key that the scenario needs."""


class Rig:
    def __init__(self, front, folder, options, seconds):
        self.front_name = front
        self.folder = folder
        self.options = options
        self.seconds = seconds
        self.stack = ExitStack()

    def __enter__(self):
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def pool(self, workers, **arguments):
        pool = Gunicorn(self.options.python, self.folder, workers, **arguments)
        self.stack.callback(pool.stop)
        return pool

    def front(self, *upstreams):
        """The address of the server under test, with `upstreams` behind it."""
        name = self.front_name
        command = [self.options.rproxy, *COMMANDS[name]] if name == "rproxy" else COMMANDS[name]
        config, values = render(name, upstreams)
        if name == "rproxy":
            refuse_unsupported(self.options.rproxy, config.format(dir=self.folder, port=1, **values), self.folder)
        # What servers keep or spool of their own accord goes with the folder.
        own = {key: str(self.folder) for key in ("TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
        server = Server(name, command, config, self.folder, core=None, environment=os.environ | own, **values)
        self.stack.callback(server.stop)
        return f"127.0.0.1:{server.port}"

    def crowd(self, body, *arguments):
        crowd = Crowd(body, *arguments)
        self.stack.callback(crowd.end)
        return crowd


def refuse_unsupported(rproxy, config, folder):
    file = folder / "check.toml"
    file.write_text(config)
    check = subprocess.run([rproxy, "check", "-c", str(file)], capture_output=True, text=True, check=False)
    if check.returncode == 0:
        return
    report = check.stdout + check.stderr
    errors = [line for line in report.splitlines() if line.startswith("error: ") and " has " not in line]
    if not errors or any("not yet supported" not in line for line in errors):
        raise SystemExit(f"rproxy refuses the configuration:\n{report}")
    keys = sorted({line.split("`")[1] for line in errors})
    raise NotSupported(", ".join(keys))
