"""The real `prom-server serve`, as a process of its own on a free port."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import free_port

START_SECONDS = 30
STOP_SECONDS = 15
COMMAND = Path(sys.executable).parent / "prom-server"
SECRET_KEY = "only-for-tests-" + "0" * 32


class LiveServer:
    """A server over one database; `start`, `stop`, `kill` and `start` again as a test needs."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        command: Sequence[str | Path] = (COMMAND, "serve"),
    ) -> None:
        self.command = command
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"server-{self.port}.log"
        self.folder = folder
        self.env = self._inherited() | {
            "DATABASE_URL": database_url,
            "DATA_DIRECTORY": str(folder),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "SECRET_KEY": SECRET_KEY,
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the server in a process group of its own and waits for /healthz."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            self.wait_until_healthy()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Asks it to end, as Ctrl-C or a service manager does. Fails if it does not, or leaves a process behind."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
            stopped = self._gone()
        except subprocess.TimeoutExpired:
            stopped = False
        left = self.pids()
        self.kill()
        assert stopped, f"After {STOP_SECONDS} s these processes of the server are left: {left}\n{self.log()}"

    def kill(self) -> None:
        """Ends every process of the group at once, as a crash does."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # all gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._gone(), f"These processes outlived SIGKILL: {self.pids()}"
        self._process = None

    def _gone(self) -> bool:
        """Waits until no process of the group is left."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.pids():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> float:
        """Waits until /healthz answers 200; answers how long that took."""
        began = time.monotonic()
        while not self.healthy():
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"The server ended instead of starting:\n{self.log()}")
            if time.monotonic() - began > seconds:
                raise AssertionError(f"The server did not answer within {seconds} s:\n{self.log()}")
            time.sleep(0.05)
        return time.monotonic() - began

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def pids(self) -> list[int]:
        """The processes of the server's group that live now: the master, its workers and their children."""
        if self._process is None:
            return []
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == self._process.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return sorted(found)

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    @staticmethod
    def _inherited() -> dict[str, str]:
        return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}
