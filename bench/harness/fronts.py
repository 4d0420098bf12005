"""The servers under test, each configured as its own documentation advises for the same site."""

from dataclasses import dataclass

COMMANDS = {
    "rproxy": ["-c"],
    "nginx": ["nginx", "-c"],
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config"],
    "haproxy": ["haproxy", "-db", "-f"],
}


@dataclass(frozen=True)
class Upstream:
    """A pool as the site's operator knows it. Addresses are `unix:PATH` or `HOST:PORT`."""

    servers: tuple
    prefix: str = "/"
    name: str = "app"
    # Requests that each server can work on at once, when the operator wants the rest to queue in front.
    at_once: int = 0
    # Requests wait while the application restarts, as far as the server knows how to.
    patient: bool = False
    # /healthz is asked every second; the answer is due within half a second.
    checked: bool = False

    @property
    def several(self):
        return len(self.servers) > 1


RPROXY = """
[server]
shutdown_grace = "1s"

[log]
access = "access.log"

[[site]]
listen = ["127.0.0.1:{port}"]
{locations}
{upstreams}
"""

NGINX = """
daemon off; pid {dir}/pid; error_log {dir}/error.log warn;
worker_processes auto; worker_rlimit_nofile 20000;
events {{ worker_connections 10000; }}
http {{
    access_log {dir}/access.log combined buffer=64k flush=1s;
    {temporary}
    {upstreams}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        {locations}
    }}
}}
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port}, http://localhost:{port} {{
    bind 127.0.0.1
    log {{
        output file {dir}/access.log
    }}
    {locations}
}}
"""

# Its manual advises to wait for the whole request against slow uploads, to forget clients that have left the queue, and
# to send again what is safe to send again.
HAPROXY = """
global
    maxconn 9000
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    option http-buffer-request
    option redispatch
    option abortonclose
    retries 3
    retry-on conn-failure empty-response
    timeout connect 5s
    timeout client 75s
    timeout server 65s
    timeout queue 10s
    timeout http-request 15s
    timeout http-keep-alive 75s
frontend site
    bind 127.0.0.1:{port} backlog 4096
    option forwardfor
    http-request disable-l7-retry if METH_POST
{locations}
{upstreams}
"""


def render(front, upstreams):
    """A template as `Server` wants it, and the values that depend on the upstreams."""
    template, location, upstream = {
        "rproxy": (RPROXY, rproxy_location, rproxy_upstream),
        "nginx": (NGINX, nginx_location, nginx_upstream),
        "caddy": (CADDY, caddy_location, lambda _: ""),
        "haproxy": (HAPROXY, haproxy_location, haproxy_upstream),
    }[front]
    values = {
        "locations": "\n".join(map(location, upstreams)),
        "upstreams": "\n".join(map(upstream, upstreams)),
    }
    return template, values


def rproxy_location(upstream):
    return f'\n[[site.location]]\nmatch = "{upstream.prefix}"\nproxy = "{upstream.name}"'


def rproxy_upstream(upstream):
    limit = f", max_conns = {upstream.at_once}" if upstream.at_once else ""
    servers = ", ".join(f'{{ address = "{server}"{limit} }}' for server in upstream.servers)
    lines = [f"[upstream.{upstream.name}]", f"servers = [{servers}]"]
    if upstream.several:
        lines.append('balance = "p2c"')
    if upstream.at_once:
        lines.append('queue = { size = 1000, timeout = "10s" }')
    if upstream.patient:
        lines.append('retry = { attempts = 3, window = "10s" }')
    if upstream.checked:
        lines.append('health = { path = "/healthz", interval = "1s", timeout = "500ms", rise = 2, fall = 2 }')
    return "\n".join(lines) + "\n"


def nginx_location(upstream):
    return f"location {upstream.prefix} {{ proxy_pass http://{upstream.name}; }}"


def nginx_upstream(upstream):
    """Without `max_conns`: what finds every server at its limit would be answered 502, for there is no queue.
    Without checks too: they are sold separately."""
    balance = "least_conn; " if upstream.several else ""
    servers = " ".join(f"server {server};" for server in upstream.servers)
    return f"upstream {upstream.name} {{ {balance}{servers} keepalive 32; }}"


def caddy_location(upstream):
    servers = " ".join(server.replace("unix:", "unix/", 1) for server in upstream.servers)
    lines = [f"reverse_proxy {upstream.prefix.rstrip('/')}/* {servers} {{"]
    if upstream.several:
        lines.append("lb_policy least_conn")
    if upstream.several or upstream.patient:
        lines += ["lb_try_duration 10s", "lb_try_interval 100ms"]
    if upstream.several:
        lines.append("fail_duration 10s")
    if upstream.checked:
        lines += ["health_uri /healthz", "health_interval 1s", "health_timeout 500ms"]
    return "\n        ".join(lines) + "\n    }"


def haproxy_location(upstream):
    if upstream.prefix == "/":
        return f"    default_backend {upstream.name}"
    return f"    use_backend {upstream.name} if {{ path_beg {upstream.prefix} }}"


def haproxy_upstream(upstream):
    lines = [f"backend {upstream.name}"]
    if upstream.several:
        lines.append("balance leastconn")
    if upstream.checked:
        lines += ["option httpchk GET /healthz", "timeout check 500ms", "default-server inter 1s rise 2 fall 2"]
    checks = " check" if upstream.checked else ""
    limit = f" maxconn {upstream.at_once}" if upstream.at_once else ""
    for number, server in enumerate(upstream.servers):
        lines.append(f"server s{number} {server.replace('unix:', 'unix@', 1)}{limit}{checks}")
    return "\n    ".join(lines)
