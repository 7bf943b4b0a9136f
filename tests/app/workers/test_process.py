"""The worker's end of the socket: what is sent goes out in order, and nobody waits for it."""

import contextlib
import queue
import resource
import socket
import threading
from collections.abc import Iterator
from fcntl import F_DUPFD, fcntl

import pytest

from app.workers.message import Message, Piece, Received
from app.workers.process import Connection

LARGE = b"x" * 5_000_000  # many times what a socket holds


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """Both ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(ours), Connection(theirs)
        with contextlib.suppress(OSError):  # one that has ended already
            ours.shutdown(socket.SHUT_RDWR)


def received(connection: Connection, count: int) -> list[Received]:
    """The next messages, as many as are waited for."""
    messages: list[Received] = []
    while len(messages) < count:
        messages += connection.receive(None)
    return messages


def test_sending_does_not_wait_until_it_is_read(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    for number in (1, 2):
        ours.send(Message({"id": number}, [LARGE, LARGE]))
    ours.send(Message({"id": 3}))  # nobody has read anything by now
    messages = received(theirs, 3)
    assert [message.header["id"] for message in messages] == [1, 2, 3]
    assert [message.blobs for message in messages] == [[LARGE, LARGE]] * 2 + [[]]


@pytest.fixture
def high() -> Iterator[int]:
    """A number that `select` takes for no descriptor, and that is one here all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY, max(hard, 2048)):
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    yield 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_socket_may_have_a_high_number(high: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket(fileno=fcntl(theirs, F_DUPFD, high)) as copy:
        assert copy.fileno() >= high
        connection = Connection(copy)
        assert connection.receive(0) == []
        Connection(ours).send(Message({"id": 1}))
        assert [message.header["id"] for message in connection.receive(None)] == [1]
        ours.shutdown(socket.SHUT_RDWR)


class Counted:
    """A blob that is made when it is sent, always in the same buffer."""

    buffer = bytearray(1_000_000)

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return 4 + len(self.buffer)

    def pieces(self) -> Iterator[Piece]:
        yield b"head"
        self.buffer[:] = bytes([self.number]) * len(self.buffer)
        yield memoryview(self.buffer)


def test_what_is_made_when_it_is_sent_arrives_whole_and_in_order(
    ends: tuple[Connection, Connection],
) -> None:
    ours, theirs = ends
    ours.send(Message({"id": 1}, [Counted(1), b"between", Counted(2)]))
    ours.send(Message({"id": 2}))
    ours.send(Message({"id": 3}, [Counted(3)]))
    messages = received(theirs, 3)
    assert [message.header["id"] for message in messages] == [1, 2, 3]
    made = {number: b"head" + bytes([number]) * 1_000_000 for number in (1, 2, 3)}
    assert [message.blobs for message in messages] == [
        [made[1], b"between", made[2]],
        [],
        [made[3]],
    ]


def test_the_other_end_gone_is_found_out_by_reading(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    theirs._socket.close()
    ours.send(Message({"id": 1}, [LARGE]))
    with pytest.raises((EOFError, ConnectionError)):
        received(ours, 1)


def test_what_was_sent_before_the_end_is_received(ends: tuple[Connection, Connection]) -> None:
    ours, theirs = ends
    theirs.send(Message({"id": 1}))
    theirs.send(Message({"id": 2}))
    theirs._socket.close()
    assert [message.header["id"] for message in ours.receive(None)] == [1, 2]
    with pytest.raises(EOFError):
        ours.receive(None)


class Broken(Counted):
    """A blob that cannot be made."""

    def pieces(self) -> Iterator[Piece]:
        yield b"head"
        raise ArithmeticError


def test_a_blob_that_cannot_be_made_ends_the_connection(
    ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = ends
    told: queue.SimpleQueue[type[BaseException]] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: told.put(args.exc_type))
    ours.send(Message({"id": 1}, [Broken(1)]))
    for end in ends:
        with pytest.raises(EOFError):
            received(end, 1)
    assert told.get(timeout=10) is ArithmeticError
