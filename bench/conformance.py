#!/usr/bin/env python3
"""What others say of our TLS and HTTP/2: testssl.sh, curl, nghttp. See README.md in this folder."""

import argparse
import collections
import datetime
import json
import re
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from content import KIB, make_files
from servers import Server, version

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "static_fixtures/tls"

RPROXY = """
[server]
workers = 1

[log]
access = "off"

[[site]]
listen_tls = ["127.0.0.1:{port}"]
hosts = ["localhost"]

[site.tls]
cert = ["{fixtures}/localhost.pem", "{fixtures}/localhost-rsa.pem"]
key = ["{fixtures}/localhost.key", "{fixtures}/localhost-rsa.key"]
hsts = true

[[site.location]]
match = "= /"
respond = {{ status = 200, body = "here" }}
headers.response = {{ set = {{ X-Frame-Options = "DENY", X-Content-Type-Options = "nosniff" }} }}

[[site.location]]
match = "/"
files = "{files}"
"""

# What testssl.sh says of the certificates, which are throwaway ones: no browser's authority has signed them, they
# are valid for a century, and tell of no revocation.
OF_THE_CERTIFICATE = ("cert_", "overall_grade", "grade_cap")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rproxy", default=str(HERE.parent / "target/release/rproxy"), help="the binary to look at")
    parser.add_argument("--output", help="write the report here too, such as bench/CONFORMANCE.md")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        files = make_files(folder / "files")
        server = Server("rproxy", [options.rproxy, "-c"], RPROXY, folder, core=None, files=files, fixtures=FIXTURES)
        stack.callback(server.stop)
        lines = [*testssl(server, folder), *curl(server), *nghttp(server)]
    report = "\n".join([
        "# Conformance", "",
        f"{datetime.date.today()}, rproxy: {version([options.rproxy, '--version'])}", "",
        *(f"- {line}" for line in lines), "",
    ])
    print(report)
    if options.output:
        Path(options.output).write_text(report)


def testssl(server, folder):
    """Its findings by severity; more than a low one is a failure."""
    out = folder / "testssl.json"
    command = ["testssl", "--quiet", "--color", "0", "--ip", "127.0.0.1", "--add-ca", FIXTURES / "ca.pem",
               "--jsonfile", out, f"localhost:{server.port}"]
    subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=900)
    findings = json.loads(out.read_text())
    ours = [one for one in findings if not one["id"].startswith(OF_THE_CERTIFICATE)]
    counts = collections.Counter(one["severity"] for one in ours)
    bad = [one for one in ours if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
    for one in bad:
        print("testssl.sh:", one["severity"], one["id"], one["finding"])
    if bad or counts["OK"] < 20:
        raise SystemExit(f"testssl.sh finds {len(bad)} things above \"low\", and {counts['OK']} that are well")
    low = [f"{one['id']}: {one['finding']}" for one in ours if one["severity"] == "LOW"]
    shown = ", ".join(f"{counts[severity]} {severity}" for severity in ("OK", "INFO", "LOW"))
    return [f"testssl.sh {program('testssl', '--version')}: {shown}, nothing above", *(f"  low: {one}" for one in low)]


def curl(server):
    lines = []
    for name, arguments, expected in (
        ("HTTP/2 over TLS 1.3", ["--http2", "--tlsv1.3"], "2"),
        ("HTTP/1.1 over TLS 1.3", ["--http1.1", "--tlsv1.3"], "1.1"),
        ("HTTP/2 over TLS 1.2", ["--http2", "--tls-max", "1.2"], "2"),
        ("HTTP/1.0 over TLS 1.2", ["--http1.0", "--tls-max", "1.2"], "1.1"),
    ):
        command = ["curl", "--silent", "--fail", "--cacert", FIXTURES / "ca.pem", *arguments,
                   "--write-out", "%{stderr}%{http_version} %{http_code}", f"https://localhost:{server.port}/100k.bin"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.stderr.decode() != f"{expected} 200" or done.stdout != b"x" * 100 * KIB:
            raise SystemExit(f"curl, {name}: {done.stderr.decode()}")
        lines.append(name)
    return [f"{version(['curl', '--version']).split(' (')[0]}: {', '.join(lines)}"]


def nghttp(server):
    """Several streams at once, each with its length told and kept."""
    urls = [f"https://localhost:{server.port}/{name}.bin" for name in ("1k", "100k", "10m")]
    command = ["nghttp", "--no-verify-peer", "--null-out", "--stat", *urls]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line for line in output.splitlines() if " 200 " in line]
    if len(lines) != len(urls):
        raise SystemExit(f"nghttp:\n{output}")
    return [f"{version(['nghttp', '--version'])}: {len(urls)} streams at once, all whole"]


def program(*command):
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"testssl\S*\s+(\d[\w.]*)", output)
    return found[1] if found else "of an unknown version"


if __name__ == "__main__":
    main()
