"""A Flask application behind one proxy, as Flask's documentation sets it up."""

import hashlib
import os
import threading
import time

from flask import Flask, Response, jsonify, redirect, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)


@app.get("/where")
def where():
    return jsonify(
        url=url_for("where", _external=True),
        remote_addr=request.remote_addr,
        scheme=request.scheme,
        host=request.host,
        root_path=request.root_path,
        query=request.query_string.decode(),
        pid=os.getpid(),
    )


@app.get("/old")
def old():
    return redirect(url_for("where", _external=True))


@app.post("/upload")
def upload():
    body = request.get_data()
    return jsonify(bytes=len(body), sha256=hashlib.sha256(body).hexdigest())


@app.get("/slow")
def slow():
    """Keeps its worker for so many milliseconds."""
    time.sleep(request.args.get("ms", type=int) / 1000)
    return jsonify(pid=os.getpid())


@app.post("/order")
def order():
    """Writes down the number in its body: what would hurt if it were done twice."""
    descriptor = os.open(os.environ["ORDERS"], os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, request.get_data() + b"\n")
    os.close(descriptor)
    return "written"


@app.get("/catalogue/<int:mebibytes>")
def catalogue(mebibytes):
    pages = (b"catalogue page  " * 65536 for _ in range(mebibytes))
    return Response(pages, headers={"Content-Length": str(mebibytes << 20)})


meeting = threading.Barrier(4)


@app.get("/meet")
def meet():
    """Answers when four requests are here at once: never, if something in front lets them in one by one."""
    meeting.wait(timeout=20)
    return "met"
