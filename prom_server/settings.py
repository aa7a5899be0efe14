"""Settings from the environment, checked at start. Nothing else reads the environment.

`docs/operating.md` lists every variable with its meaning.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from prom_server import message_settings
from prom_server.message_settings import LOOPBACK, MessageSettings

__all__ = ["LOOPBACK", "InvalidSettings", "Settings"]

LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}


class InvalidSettings(Exception):
    """One sentence per setting that cannot be used, each with what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    data_directory: Path
    database_url: str
    public_url: str
    host: str
    port: int
    threads: int
    workers: int
    secret_key: str
    supplements: Path | None
    trusted_proxies: int
    log_level: str
    demo_password: str | None
    messages: MessageSettings

    @property
    def secure(self) -> bool:
        """Whether patients reach us over https: decides the cookies."""
        return self.public_url.startswith("https:")

    @property
    def public_hostname(self) -> str:
        return urlsplit(self.public_url).hostname or ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads and checks. Raises InvalidSettings that names every wrong variable at once."""
        problems: list[str] = []
        data_directory = Path(environ.get("DATA_DIRECTORY") or "var").absolute()
        port = _whole("PORT", environ, 8000, 1, 65535, problems)
        database_url = _database_url(environ, data_directory, problems)
        on_sqlite = database_url.startswith("sqlite")
        workers = _whole("WORKERS", environ, 1, 1, 64, problems)
        if on_sqlite and workers > 1:
            problems.append("WORKERS must be 1 on SQLite. For more, set DATABASE_URL to a PostgreSQL database.")
        log_level = (environ.get("LOG_LEVEL") or "INFO").upper()
        if log_level not in LOG_LEVELS:
            problems.append(f"LOG_LEVEL must be one of {', '.join(sorted(LOG_LEVELS))}.")
        settings = cls(
            data_directory=data_directory,
            database_url=database_url,
            public_url=_public_url(environ, port, problems),
            host=environ.get("HOST") or "127.0.0.1",
            port=port,
            threads=_whole("THREADS", environ, 16, 1, 128, problems),
            workers=workers,
            secret_key=_secret_key(environ, data_directory, on_sqlite, problems),
            supplements=_folder("SUPPLEMENTS", environ, problems),
            trusted_proxies=_whole("TRUSTED_PROXIES", environ, 0, 0, 5, problems),
            log_level=log_level,
            demo_password=environ.get("PROM_DEMO_PASSWORD") or None,
            messages=message_settings.read(environ, problems),
        )
        url_is_fine = not any(each.startswith("PUBLIC_URL") for each in problems)
        if url_is_fine and settings.secure and not settings.trusted_proxies:
            problems.append("TRUSTED_PROXIES must be 1 or more with an https PUBLIC_URL: TLS ends at a proxy.")
        if problems:
            raise InvalidSettings("\n".join(problems))
        return settings


def _whole(name: str, environ: Mapping[str, str], default: int, low: int, high: int, problems: list[str]) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not low <= int(text) <= high:
        problems.append(f"{name} must be a whole number from {low} to {high}.")
        return default
    return int(text)


def _folder(name: str, environ: Mapping[str, str], problems: list[str]) -> Path | None:
    text = environ.get(name)
    if not text:
        return None
    if not Path(text).is_dir():
        problems.append(f"{name} must name a folder that exists.")
    return Path(text)


def _database_url(environ: Mapping[str, str], data_directory: Path, problems: list[str]) -> str:
    url = environ.get("DATABASE_URL") or f"sqlite:///{data_directory / 'prom.sqlite3'}"
    if url.startswith("postgresql://"):
        return url.replace("postgresql://", "postgresql+psycopg://", 1)
    if url in {"sqlite:///", "sqlite:///:memory:"}:
        problems.append("DATABASE_URL must name a file: in memory every acknowledged answer would be lost at the end.")
    elif not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        problems.append("DATABASE_URL must begin with postgresql:// or sqlite:/// (three slashes, then the path).")
    return url


def _public_url(environ: Mapping[str, str], port: int, problems: list[str]) -> str:
    url = (environ.get("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/")
    parts = _split(url)
    if parts is None or not _is_origin(parts):
        problems.append("PUBLIC_URL must be a bare address such as https://prom.example.org, without a path.")
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append(
            "PUBLIC_URL must be https unless its host is 127.0.0.1: over http others could read the answers."
        )
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:  # brackets that do not close, a port that is none
        return None


def _is_origin(parts: SplitResult) -> bool:
    extras = parts.path or parts.query or parts.fragment or parts.username
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not extras


def _secret_key(environ: Mapping[str, str], data_directory: Path, on_sqlite: bool, problems: list[str]) -> str:
    """From SECRET_KEY; on SQLite else from a file of our own, made on first use, readable by nobody else."""
    key = environ.get("SECRET_KEY")
    if key:
        if len(key) < 32:
            problems.append("SECRET_KEY must have at least 32 characters.")
        return key
    if not on_sqlite:
        problems.append(
            "SECRET_KEY must be set with PostgreSQL, the same everywhere. `openssl rand -hex 32` makes one."
        )
        return ""
    path = data_directory / "secret-key"
    key = _own_key(path)
    if len(key) < 32:
        problems.append(
            f"SECRET_KEY: the file {path.name} in DATA_DIRECTORY holds no key. Delete it: a new one is made."
        )
    return key


def _own_key(path: Path) -> str:
    """Written whole under another name first, so that no crash leaves half a key; the first one to link it wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # readable by nobody else
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()
