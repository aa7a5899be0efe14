"""A gateway for SMS over HTTP that answers what it is told to, and keeps its own ledger of what it was asked."""

import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    status: int = 201
    body: object = field(default_factory=lambda: {"sid": "SM1"})
    stall: float = 0
    drop: bool = False  # hangs up instead of answering, with the request in hand


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: str


class SmsStub:
    """`answer` is what the next request meets."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or Answer()
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
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


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that did not wait for the answer is what this is for."""


def _handler(stub: SmsStub) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            stub.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            time.sleep(stub.answer.stall)
            if stub.answer.drop:
                self.close_connection = True
                return
            data = json.dumps(stub.answer.body).encode()
            self.send_response(stub.answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
