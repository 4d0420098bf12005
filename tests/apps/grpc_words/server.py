"""A gRPC service whose messages are plain bytes.

    server.py [CERT KEY]

prints `port N`, then a line for what tests wait for.
"""

import sys
import threading
from concurrent import futures

import grpc

MARK = "x-asked"


def upper(word, context):
    """One message for one, with metadata on both ends."""
    asked = dict(context.invocation_metadata()).get(MARK, "")
    context.send_initial_metadata([("x-initial", asked)])
    context.set_trailing_metadata([("x-length", str(len(word))), ("word-bin", b"\x00\xff" + word[:8])])
    return word.upper()


def fail(word, context):
    context.set_trailing_metadata([("grpc-status-details-bin", b"\x08\x05\x12\x03abc")])
    context.abort(grpc.StatusCode.NOT_FOUND, "no such word: ü")


def hang(word, context):
    """Until the client has left, or its deadline is over."""
    over = threading.Event()
    context.add_callback(over.set)
    left = context.time_remaining()
    print("hanging", "without a deadline" if left is None or left > 1e6 else "until a deadline", flush=True)
    over.wait()
    print("nobody waits", flush=True)
    return b""


def join(words, context):
    return b" ".join(words)


def count(word, context):
    for number in range(int(word)):
        yield str(number).encode()


def echo(words, context):
    for word in words:
        yield word.upper()


def forbidden(words, context):
    """Answers before all is said."""
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")


HANDLERS = {
    "Upper": grpc.unary_unary_rpc_method_handler(upper),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Hang": grpc.unary_unary_rpc_method_handler(hang),
    "Join": grpc.stream_unary_rpc_method_handler(join),
    "Forbidden": grpc.stream_unary_rpc_method_handler(forbidden),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
}


def main():
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(16), options=options)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("words.Words", HANDLERS)])
    address = "127.0.0.1:0"
    if sys.argv[1:]:
        cert, key = (open(file, "rb").read() for file in sys.argv[1:])
        port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print("port", port, flush=True)
    server.wait_for_termination()


main()
