"""A private PostgreSQL cluster: in a temporary folder, on a Unix socket only, run as an unprivileged user."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

START_SECONDS = 30
# Without autovacuum a database that was emptied is planned for like a new one, not like one that stays empty.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")

MOST_BYTES = 16 * 2**20  # of a database that serves again

# Every row goes, whatever triggers and references say; every sequence begins again.
EMPTY = """
SET session_replication_role = replica;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE each text; BEGIN
  FOR each IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> 'alembic_version' LOOP EXECUTE 'DELETE FROM ' || each; END LOOP;
  FOR each IN SELECT oid::regclass FROM pg_class WHERE relkind = 'S' LOOP PERFORM setval(each, 1, false); END LOOP;
END $$
"""
SCHEMA = """
SELECT (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_index), (SELECT count(*) FROM pg_constraint),
  (SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY tgname) FROM pg_trigger),
  (SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
    WHERE datname = current_database())
"""


class PostgreSQLMissing(Exception):
    """PostgreSQL is not installed on this machine."""


def program(name: str) -> str:
    """The path of a PostgreSQL program: the newest of Debian's, or the one on PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which(name)
    if found is None:
        raise PostgreSQLMissing(
            f"PostgreSQL's {name} is not here: run bin/setup, or leave it out with --databases=sqlite"
        )
    return found


class Cluster:
    """One server with its data. `durable` keeps fsync on, for tests that kill it."""

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="prom-postgresql-"))
        self.durable = durable
        self.spare: list[str] = []  # databases that serve again
        self._schemas: dict[str, object] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._owner = _unprivileged()
        if self._owner:
            os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
        self._initialise()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        settings += [] if self.durable else FAST
        options = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._as_owner([program("postgres"), "-D", str(self.folder / "data"), *options]),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Ends the server, as a fast shutdown does."""
        if self._server is not None:
            self._server.send_signal(2)
            self._server.wait(START_SECONDS)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def execute(self, statement: str) -> None:
        """Runs one statement outside any transaction, in the `postgres` database."""
        with self._connected("postgres") as connection:
            connection.execute(statement.encode())

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(f"host={self.folder} user=postgres dbname={name}", autocommit=True)

    def create_database(self, name: str, template: str | None = None) -> str:
        """A new database, a copy of `template` if given; answers its URL."""
        self.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def empty(self, name: str, template: str) -> bool:
        """Empties a database that was made from `template`; whether it can serve as a new one."""
        if template not in self._schemas:
            with self._connected(template) as connection:
                self._schemas[template] = connection.execute(SCHEMA.encode()).fetchone()
        try:
            with self._connected(name) as connection:
                connection.execute(EMPTY.encode())
                size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
                schema = connection.execute(SCHEMA.encode()).fetchone()
        except psycopg.Error:
            return False
        return size is not None and size[0] <= MOST_BYTES and schema == self._schemas[template]

    def _initialise(self) -> None:
        words = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [program("initdb"), "-D", str(self.folder / "data"), *words]
        subprocess.run(self._as_owner(command), cwd=self.folder, check=True, capture_output=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        ready = [program("pg_isready"), "-q", "-h", str(self.folder)]
        while subprocess.run(ready, check=False).returncode != 0:
            ended = self._server is None or self._server.poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (self.folder / "log").read_text())
            time.sleep(0.05)

    def _as_owner(self, command: list[str]) -> list[str]:
        """The command as the unprivileged user, ended with this process if that is killed."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return command
        change: list[str] = []
        if self._owner:
            change = [f"--reuid={self._owner.pw_uid}", f"--regid={self._owner.pw_gid}", "--clear-groups"]
        return [setpriv, *change, "--pdeathsig=INT", *command]


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
