"""PDF from HTML: `render(html)`, in one process of its own that is started on first use.

Safe to call from many threads; they wait for each other. `shutdown()` ends the process, and so does the death of
this one.
"""

import atexit
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Literal

from prom_server.reports.renderer import PAPERS, serve

Paper = Literal["a4", "letter"]
SECONDS = 30.0  # a report takes well under one; the first also starts the process
_GRACE = 2.0  # seconds for the process to end by itself


class RenderingFailed(RuntimeError):
    """No PDF came out. The message says why, and nothing about the patient."""


def render(html: str, *, paper: Paper = "a4", timeout: float = SECONDS) -> bytes:
    """The document as tagged PDF/UA-1. `timeout` in seconds covers the wait for other callers too."""
    return _RENDERER.render(html, paper, timeout)


def shutdown() -> None:
    """Ends the process, if there is one. The next `render` starts another."""
    _RENDERER.shutdown()


class Renderer:
    """One process and the pipe to it, behind a lock. `work` is what the process runs."""

    def __init__(self, work: Callable[[Connection], None] = serve) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def render(self, html: str, paper: str, timeout: float) -> bytes:
        if paper not in PAPERS:
            raise ValueError(f"paper is one of {', '.join(PAPERS)}")
        until = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            raise RenderingFailed(f"No PDF within {timeout:g} seconds: others are waiting for theirs.")
        try:
            return self._ask(html, paper, until, timeout)
        finally:
            self._lock.release()

    def _ask(self, html: str, paper: str, until: float, timeout: float) -> bytes:
        pipe = self._started()
        try:
            pipe.send((html, paper))
            if not pipe.poll(max(until - time.monotonic(), 0)):
                self._end(kill=True)
                raise RenderingFailed(f"No PDF within {timeout:g} seconds; the renderer was ended.")
            done, answer = pipe.recv()
        except (EOFError, OSError) as error:
            self._end(kill=True)
            raise RenderingFailed("The renderer ended before the PDF was written.") from error
        if not done:
            raise RenderingFailed(str(answer))
        return bytes(answer)

    def _started(self) -> Connection:
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._end(kill=True)
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=self._work, args=(theirs,), name="pdf", daemon=True)
        self._process.start()
        theirs.close()
        return self._pipe

    def shutdown(self) -> None:
        with self._lock:
            self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.join(_GRACE)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
        self._pipe = self._process = None


_RENDERER = Renderer()
atexit.register(shutdown)
