"""No conversation with another server lasts for ever, whatever comes in drop by drop."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

LONGEST_ANSWER = 64 * 1024  # bytes that are looked at


@contextlib.contextmanager
def deadline(seconds: float, current: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cuts the line when the block is not left within the time: whoever waits on it gets an OSError or its end."""
    timer = threading.Timer(seconds, _cut, [current])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(current: Callable[[], socket.socket | None]) -> None:
    line = current()
    if line is not None:
        with contextlib.suppress(OSError):
            # Of the class itself: that of a TLS socket would first put the encryption away.
            socket.socket.shutdown(line, socket.SHUT_RDWR)
