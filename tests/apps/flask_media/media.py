"""A Flask application whose files the server in front sends: USE_X_SENDFILE."""

import os
from pathlib import Path

from flask import Flask, abort, request, send_file, send_from_directory

app = Flask(__name__)
app.config["USE_X_SENDFILE"] = True
MEDIA = Path(os.environ["MEDIA"])


@app.before_request
def members_only():
    if request.cookies.get("member") != "yes":
        abort(403)


@app.route("/download/<path:name>", methods=["GET", "POST"])
def download(name):
    response = send_from_directory(MEDIA, name, as_attachment=True)
    response.set_cookie("downloaded", "yes")
    return response


@app.get("/view/<path:name>")
def view(name):
    return send_file(MEDIA / name, mimetype="application/x-ours", max_age=60)


@app.get("/outside")
def outside():
    return send_file("/etc/hostname")
