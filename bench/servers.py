"""The servers that are compared: each configured for the same work, started in the foreground on one
core, and ended by the handle it was started with."""

import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SERVER_CORE = "0"
LOAD_CORE = "1"

ONE_KIB = "x" * 1024

# nginx's own are below /var, where a second one must not write.
TEMPORARY = " ".join(f"{kind}_temp_path {{dir}}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

# The same small site everywhere: routing is part of the work, and so is a line in the access log.
NGINX = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    log_format line '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                    '"$http_referer" "$http_user_agent"';
    access_log {dir}/access.log line buffer=64k flush=1s;
    {temporary}
    sendfile on; tcp_nopush on; keepalive_timeout 75; keepalive_requests 1000000000;
    types {{ application/octet-stream bin; text/css css; }}
    gzip_comp_level 6; gzip_types text/css; gzip_vary on;
    upstream app {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        server_name localhost *.example.com;
        location = /memory {{ default_type text/plain; return 200 "{one_kib}"; }}
        location /cached/ {{ alias {files}/; open_file_cache max=100 inactive=60s; open_file_cache_valid 1s; }}
        location /files/ {{ alias {files}/; }}
        location /twins/ {{ alias {files}/twins/; gzip_static on; }}
        location /zipped/ {{ alias {files}/zipped/; gzip on; }}
        location /internal/ {{ internal; alias {files}/; }}
        location ~ \\.php$ {{ return 404; }}
        location = /page {{ gzip on; {forwarding} }}
        location / {{ {forwarding} }}
    }}
}}
"""

# A proxy's part of a location.
FORWARDING = """
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Request-ID $request_id;
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4000
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 75s
    timeout server 65s
    timeout http-keep-alive 75s
frontend site
    bind 127.0.0.1:{port}
    acl php path_end .php
    http-request deny deny_status 404 if php
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Request-ID %[uuid()]
    default_backend app
backend app
    http-reuse always
    server app 127.0.0.1:{origin}
"""

RPROXY = """
[server]
workers = 1

[log]
access = "access.log"

[[site]]
listen = ["127.0.0.1:{port}"]
hosts = ["localhost", "*.example.com"]

[[site.location]]
match = "= /memory"
respond = {{ status = 200, body = "{one_kib}", type = "text/plain" }}

[[site.location]]
match = "/cached/"
files = "{files}"

[[site.location]]
match = "/files/"
files = "{files}"

[[site.location]]
match = "/twins/"
files = "{files}/twins"
precompressed = ["gzip"]

[[site.location]]
match = "/zipped/"
files = "{files}/zipped"
compress = {{ codings = ["gzip"], levels = {{ gzip = 6 }} }}

[[site.location]]
match = "/internal/"
files = "{files}"
internal = true

[[site.location]]
match = "= /page"
proxy = "app"
compress = {{ codings = ["gzip"], levels = {{ gzip = 6 }} }}

[[site.location]]
match = '~ \\.php$'
respond = {{ status = 404, body = "", type = "text/plain" }}

[[site.location]]
match = "/"
proxy = "app"

[upstream.app]
servers = ["127.0.0.1:{origin}"]
keep_alive = {{ idle = 64, timeout = "60s" }}
"""

ORIGIN = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log warn;
events {{ worker_connections 10000; }}
http {{
    access_log off; keepalive_timeout 75; keepalive_requests 1000000000;
    {temporary}
    server {{
        listen 127.0.0.1:{port};
        location / {{ default_type text/plain; return 200 "{one_kib}"; }}
        location = /page {{ default_type text/css; alias {files}/zipped/style.css; open_file_cache max=10; }}
        location = /accelerated {{ add_header X-Accel-Redirect /internal/100k.bin; return 200; }}
    }}
}}
"""


class Server:
    """One running server, with the CPU time and memory that it took so far."""

    def __init__(self, name, command, config, folder, core=SERVER_CORE, environment=None, **values):
        self.name = name
        self.port = free_port()
        self.folder = folder / name
        self.folder.mkdir()
        self.config = self.folder / "config.toml"
        temporary = TEMPORARY.format(dir=self.folder)
        self.config.write_text(
            config.format(
                dir=self.folder, port=self.port, one_kib=ONE_KIB, temporary=temporary, forwarding=FORWARDING, **values
            )
        )
        with open(self.folder / "output.log", "wb") as output:
            pinned = ["taskset", "-c", core] if core else []
            command = [*pinned, *command, str(self.config)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )
        self.wait_until_listening()

    def wait_until_listening(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    output = (self.folder / "output.log").read_text(errors="replace")
                    self.stop()
                    raise SystemExit(f"{self.name} does not listen:\n{output}") from None
                time.sleep(0.02)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self):
        """User and system time of the process with all its threads and children."""
        ticks = 0
        for pid in self.pids():
            # The name in parentheses may hold blanks; utime and stime are fields 14 and 15.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident bytes."""
        kib = 0
        for pid in self.pids():
            status = Path(f"/proc/{pid}/status").read_text()
            resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
            # One that has ended has none, until its parent asks for it.
            kib += int(resident[1]) if resident else 0
        return kib * 1024

    def pids(self):
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        return found


def start_all(stack, folder, files, rproxy):
    """The servers under test by name, with an origin behind them; `stack` ends them all."""
    def start(*arguments, **values):
        server = Server(*arguments, **values)
        stack.callback(server.stop)
        return server

    origin = start("origin", ["nginx", "-c"], ORIGIN, folder, core=LOAD_CORE, files=files)
    values = {"origin": origin.port, "files": files}
    servers = {}
    if rproxy:
        servers["rproxy"] = start("rproxy", [rproxy, "-c"], RPROXY, folder, **values)
    servers["nginx"] = start("nginx", ["nginx", "-c"], NGINX, folder, **values)
    if shutil.which("haproxy"):
        servers["haproxy"] = start("haproxy", ["haproxy", "-db", "-f"], HAPROXY, folder, **values)
    return servers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def machine():
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    return f"{cpu}, Linux {platform.release()}"


def version(command):
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "missing"
    return (run.stdout + run.stderr).splitlines()[0].strip()
