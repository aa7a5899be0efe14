"""A mail server that accepts, refuses, stalls, drops and lies as it is told, with a ledger of what it took."""

import contextlib
import re
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Self


class Behaviour(StrEnum):
    """Of one connection."""

    ACCEPT = "accept"
    BUSY_AT_HELLO = "busy at hello"  # 421, and hangs up
    REFUSE_SENDER = "refuse sender"  # 550 at MAIL
    BUSY_AT_RECIPIENT = "busy at recipient"  # 450
    NO_SUCH_MAILBOX = "no such mailbox"  # 550 5.1.1
    NO_RELAYING = "no relaying"  # 550 5.7.1: says nothing about the mailbox
    REFUSE_DATA = "refuse data"  # 451 at DATA
    DROP_IN_DATA = "drop in data"  # hangs up after 354
    BUSY_AT_END = "busy at end"  # 451 after the final dot
    REFUSE_CONTENT = "refuse content"  # 554 after the final dot
    STALL_AND_ACCEPT = "stall and accept"
    STALL_AND_DROP = "stall and drop"  # after the final dot; not taken
    TAKE_AND_DROP = "take and drop"  # taken, and not said
    TAKE_AND_BABBLE = "take and babble"  # taken, and answered with no reply code


ALL = tuple(Behaviour)


class SmtpStub:
    """`choose()` decides what the next connection meets. `taken` counts acceptances by Message-ID: it is the judge."""

    def __init__(self, choose: Callable[[], Behaviour] = lambda: Behaviour.ACCEPT, stall: float = 0.5) -> None:
        self.choose, self.stall = choose, stall
        self.taken: Counter[str] = Counter()
        self.met: Counter[Behaviour] = Counter()
        self.texts: list[str] = []
        self.senders: list[str] = []
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self.port: int = self._server.server_address[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, text: str) -> None:
        found = re.search(r"^Message-ID:\s*<([^@>]+)@", text, re.MULTILINE | re.IGNORECASE)
        assert found, text
        with self.lock:
            self.taken[found[1]] += 1
            self.texts.append(text)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    stub: SmtpStub

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in the middle is what this is for."""


class _HungUp(Exception):
    """The conversation is over."""


class _Handler(socketserver.StreamRequestHandler):
    timeout = 30
    server: _Server

    def handle(self) -> None:
        stub = self.server.stub
        with stub.lock:
            self.behaviour = stub.choose()
            stub.met[self.behaviour] += 1
        if self.behaviour is Behaviour.BUSY_AT_HELLO:
            self.say("421 too many connections")
            return
        self.say("220 stub ESMTP")
        with contextlib.suppress(_HungUp, OSError):
            while line := self.rfile.readline():
                self.command(line.decode("latin-1").strip())

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def command(self, line: str) -> None:
        verb = line.split(" ", 1)[0].upper()
        if verb == "MAIL":
            self.server.stub.senders.append(line)
        if verb == "DATA":
            self.data()
        elif verb == "QUIT":
            self.say("221 bye")
            raise _HungUp
        else:
            self.say(ANSWERS.get((verb, self.behaviour), "250 fine"))

    def data(self) -> None:
        if self.behaviour is Behaviour.REFUSE_DATA:
            self.say("451 not now")
            return
        self.say("354 go on")
        if self.behaviour is Behaviour.DROP_IN_DATA:
            raise _HungUp
        text = ""
        while (line := self.rfile.readline().decode()) != ".\r\n":
            if not line:
                raise _HungUp  # without the final dot nothing is taken
            text += line.removeprefix(".")
        self.ending(text)

    def ending(self, text: str) -> None:
        if self.behaviour in {Behaviour.STALL_AND_ACCEPT, Behaviour.STALL_AND_DROP}:
            time.sleep(self.server.stub.stall)
        if self.behaviour in TAKING:
            self.server.stub.take(text)
        if self.behaviour in {Behaviour.STALL_AND_DROP, Behaviour.TAKE_AND_DROP}:
            raise _HungUp
        self.say(ENDINGS.get(self.behaviour, "250 taken"))


ANSWERS = {
    ("MAIL", Behaviour.REFUSE_SENDER): "550 5.7.1 not you",
    ("RCPT", Behaviour.BUSY_AT_RECIPIENT): "450 4.2.0 greylisted",
    ("RCPT", Behaviour.NO_SUCH_MAILBOX): "550 5.1.1 no such user",
    ("RCPT", Behaviour.NO_RELAYING): "550 5.7.1 relaying denied",
}
TAKING = {Behaviour.ACCEPT, Behaviour.STALL_AND_ACCEPT, Behaviour.TAKE_AND_DROP, Behaviour.TAKE_AND_BABBLE}
ENDINGS = {
    Behaviour.BUSY_AT_END: "451 try later",
    Behaviour.REFUSE_CONTENT: "554 5.6.0 looks like spam",
    Behaviour.TAKE_AND_BABBLE: "thank you",
}
