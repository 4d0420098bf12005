"""An HTTP/1.1 server behind TLS, which answers with what it was sent and says what it agreed on.

    tls_origin.py CERT KEY [--client-ca FILE] [--behaviour plain-first|plain|silent] [--tls12]

prints `port N`, then a line for each connection.
"""

import argparse
import socket
import ssl
import threading

BEHAVIOURS = ["plain-first", "plain", "silent"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cert")
    parser.add_argument("key")
    parser.add_argument("--client-ca")
    parser.add_argument("--behaviour", choices=BEHAVIOURS)
    parser.add_argument("--tls12", action="store_true")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    context = agreeing(arguments)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context, arguments.behaviour), daemon=True).start()


def agreeing(arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    context.set_alpn_protocols(["http/1.1"])
    context.sni_callback = lambda connection, name, _: setattr(connection, "asked", name)
    if arguments.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)
    if arguments.tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def serve(connection, context, behaviour):
    if behaviour == "silent":
        connection.recv(1 << 16)
        connection.recv(1)
        return
    if behaviour == "plain":
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.close()
        return
    if behaviour == "plain-first":
        # As somebody on the way could (CVE-2026-1642).
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    try:
        answer(context.wrap_socket(connection, server_side=True))
    except OSError as error:
        print("failed", error, flush=True)


def answer(connection):
    subject = (connection.getpeercert() or {}).get("subject", ())
    client = ",".join("=".join(pair) for part in subject for pair in part) or "nobody"
    asked = getattr(connection, "asked", None)
    print(
        f"agreed {connection.version()} alpn={connection.selected_alpn_protocol()} sni={asked} "
        f"resumed={connection.session_reused} client={client}",
        flush=True,
    )
    stream = connection.makefile("rb")
    while head := read_head(stream):
        if b"upgrade: echo" in (line.lower() for line in head):
            return echo(connection)
        length = next((int(line[15:]) for line in head if line.lower().startswith(b"content-length:")), 0)
        body = stream.read(length)
        text = b"\n".join(head) + b"\n\n" + str(len(body)).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        if head[0].startswith(b"GET /close "):
            connection.unwrap()
            return


def echo(connection):
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def read_head(stream):
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.rstrip())
    return lines


main()
