"""Calls the service of server.py, and fails where an answer is not as it should be.

    client.py TARGET CASE [CA]
"""

import queue
import sys

import grpc

LIMIT = 30


class Words:
    def __init__(self, channel):
        def method(kind, name):
            return getattr(channel, kind)("/words.Words/" + name)

        self.upper = method("unary_unary", "Upper")
        self.fail = method("unary_unary", "Fail")
        self.hang = method("unary_unary", "Hang")
        self.join = method("stream_unary", "Join")
        self.forbidden = method("stream_unary", "Forbidden")
        self.count = method("unary_stream", "Count")
        self.echo = method("stream_stream", "Echo")


def unary(words):
    answer, call = words.upper.with_call(b"hello", timeout=LIMIT, metadata=[("x-asked", "yes")])
    assert answer == b"HELLO", answer
    assert ("x-initial", "yes") in call.initial_metadata(), call.initial_metadata()
    trailing = dict(call.trailing_metadata())
    assert trailing["x-length"] == "5" and trailing["word-bin"] == b"\x00\xffhello", trailing
    assert call.code() == grpc.StatusCode.OK


def failure(words):
    try:
        words.fail(b"x", timeout=LIMIT)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert error.details() == "no such word: ü", error.details()
        assert dict(error.trailing_metadata())["grpc-status-details-bin"] == b"\x08\x05\x12\x03abc"
    else:
        raise AssertionError("it succeeded")


def client_stream(words):
    assert words.join(iter([b"one", b"two", b"three"]), timeout=LIMIT) == b"one two three"


def server_stream(words):
    numbers = [int(number) for number in words.count(b"1000", timeout=LIMIT)]
    assert numbers == list(range(1000)), len(numbers)


def both_ways(words):
    """Each message is sent when the one before has been answered."""
    waiting = queue.Queue()
    answers = words.echo(iter(waiting.get, None), timeout=LIMIT)
    for word in [b"one", b"two", b"three"]:
        waiting.put(word)
        assert next(answers) == word.upper()
    waiting.put(None)
    assert list(answers) == []


def large(words):
    message = b"x" * (8 << 20)
    assert words.upper(message, timeout=LIMIT) == message.upper()


def many(words):
    calls = [words.upper.future(b"%d" % number, timeout=LIMIT) for number in range(300)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(300)]


def early_end(words):
    """The server has said no while the client would go on."""
    waiting = queue.Queue()
    waiting.put(b"one")
    try:
        words.forbidden(iter(waiting.get, None), timeout=LIMIT)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, error
    else:
        raise AssertionError("it succeeded")
    finally:
        waiting.put(None)


def deadline(words):
    try:
        words.hang(b"", timeout=1)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    else:
        raise AssertionError("it succeeded")


def cancel(words):
    call = words.hang.future(b"", timeout=LIMIT)
    # Cancelled once the server is at it: the test says so.
    sys.stdin.readline()
    assert call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED


def unavailable(words):
    try:
        words.upper(b"hello", timeout=LIMIT)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
    else:
        raise AssertionError("it succeeded")


def main():
    target, case, *ca = sys.argv[1:]
    options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)]
    if ca:
        credentials = grpc.ssl_channel_credentials(open(ca[0], "rb").read())
        channel = grpc.secure_channel(target, credentials, options)
    else:
        channel = grpc.insecure_channel(target, options)
    with channel:
        globals()[case](Words(channel))
    print("as it should be", flush=True)


main()
