"""A bare WSGI application whose work takes as long as a test wants."""

import os


def app(environ, start_response):
    if environ["PATH_INFO"] == "/work":
        # Opening a FIFO waits until somebody opens its other end.
        with open(os.environ["BUSY_FIFO"]) as fifo:
            fifo.read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
