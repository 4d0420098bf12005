"""A bare ASGI application: a WebSocket that sends back what it gets, a page that tells what it knows of
the request, and a stream whose pieces come one at a time."""

import asyncio
import json


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
    elif scope["type"] == "http":
        await page(scope, receive, send)


async def websocket(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    await send({"type": "websocket.send", "text": f"{scope['scheme']} {scope['client'][0]} {scope['path']}"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 1000})
            return
        await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})


async def page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    if scope["path"] == "/stream":
        for piece in (b"one", b"two", b"three"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0.05)
        await send({"type": "http.response.body"})
        return
    known = {"scheme": scope["scheme"], "client": scope["client"][0], "path": scope["path"]}
    await send({"type": "http.response.body", "body": json.dumps(known).encode()})
