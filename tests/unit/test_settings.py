"""Settings are refused at the start, all wrong ones at once, each with what to do."""

from pathlib import Path

import pytest

from prom_server.settings import InvalidSettings, Settings

KEY = "k" * 32
POSTGRESQL = "postgresql://prom@db.example.org/prom"


def read(folder: Path, **environment: str) -> Settings:
    return Settings.from_environment({"DATA_DIRECTORY": str(folder), **environment})


def refusals(folder: Path, **environment: str) -> list[str]:
    """The sentences of the refusal, one per setting."""
    with pytest.raises(InvalidSettings) as refused:
        read(folder, **environment)
    return str(refused.value).splitlines()


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path / 'prom.sqlite3'}"
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.secure is False
    assert settings.demo_password is None


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    names = ("DATABASE_URL", "PORT", "HOST", "PUBLIC_URL", "SECRET_KEY", "WORKERS", "THREADS", "LOG_LEVEL")
    assert read(tmp_path, **dict.fromkeys(names, "")) == read(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["http://prom.example.org", "http://10.0.0.5:8000", "http://127.0.0.1.example.org", "http://0.0.0.0:8000"],
)
def test_http_is_refused_where_others_could_listen(tmp_path: Path, url: str) -> None:
    assert refusals(tmp_path, PUBLIC_URL=url) == [
        "PUBLIC_URL must be https unless its host is 127.0.0.1: over http others could read the answers."
    ]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:81", "http://[::1]:8000"])
def test_http_is_fine_on_this_machine(tmp_path: Path, url: str) -> None:
    settings = read(tmp_path, PUBLIC_URL=url)
    assert settings.public_url == url
    assert settings.secure is False


def test_https_makes_cookies_secure(tmp_path: Path) -> None:
    settings = read(tmp_path, PUBLIC_URL="https://prom.example.org/", TRUSTED_PROXIES="1")
    assert settings.public_url == "https://prom.example.org"
    assert settings.public_hostname == "prom.example.org"
    assert settings.secure is True


@pytest.mark.parametrize(
    "url",
    [
        "prom.example.org",
        "ftp://prom.example.org",
        "https://",
        "https://prom.example.org/clinic",
        "https://prom.example.org?x=1",
        "https://someone@prom.example.org",
        "https://[::1",
        "https://prom.example.org:99999",
        "https://prom.example.org:port",
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    [sentence] = refusals(tmp_path, PUBLIC_URL=url)
    assert sentence.startswith("PUBLIC_URL must be a bare address")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80a", "8000.0", " 80", "١", "9" * 5000])
def test_a_bad_port_is_refused(tmp_path: Path, port: str) -> None:
    assert refusals(tmp_path, PORT=port) == ["PORT must be a whole number from 1 to 65535."]


@pytest.mark.parametrize(("name", "value"), [("THREADS", "0"), ("WORKERS", "many"), ("TRUSTED_PROXIES", "6")])
def test_other_numbers_have_their_range_too(tmp_path: Path, name: str, value: str) -> None:
    [sentence] = refusals(tmp_path, **{name: value})
    assert sentence.startswith(f"{name} must be a whole number from ")


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    assert refusals(tmp_path, WORKERS="2") == [
        "WORKERS must be 1 on SQLite. For more, set DATABASE_URL to a PostgreSQL database."
    ]
    assert read(tmp_path, WORKERS="2", DATABASE_URL=POSTGRESQL, SECRET_KEY=KEY).workers == 2


def test_a_short_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    sentences = refusals(tmp_path, SECRET_KEY="tooshort" + "x" * 23)
    assert sentences == ["SECRET_KEY must have at least 32 characters."]


def test_postgresql_needs_a_key_that_is_the_same_everywhere(tmp_path: Path) -> None:
    [sentence] = refusals(tmp_path, DATABASE_URL=POSTGRESQL)
    assert sentence.startswith("SECRET_KEY must be set with PostgreSQL")
    assert not (tmp_path / "secret-key").exists()


def test_on_sqlite_a_key_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    first = read(tmp_path / "new").secret_key
    assert len(first) == 64
    assert read(tmp_path / "new").secret_key == first
    assert (tmp_path / "new" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_key_file_that_was_cut_short_is_no_key(tmp_path: Path) -> None:
    """A power cut while it was made: an empty key signs nothing, so it is refused or made anew."""
    (tmp_path / "secret-key").touch()
    try:
        key = read(tmp_path).secret_key
    except InvalidSettings as refused:
        key = str(refused)
        assert "secret-key" in key
    assert len(key) >= 32


@pytest.mark.parametrize(
    "url", ["mysql://db/prom", "postgres://db/prom", "prom.sqlite3", "sqlite://prom.sqlite3", "postgresql+asyncpg://db"]
)
def test_a_database_that_we_do_not_speak_to_is_refused(tmp_path: Path, url: str) -> None:
    sentences = refusals(tmp_path, DATABASE_URL=url, SECRET_KEY=KEY)
    assert sentences == [
        "DATABASE_URL must begin with postgresql:// or sqlite:/// (three slashes, then the path).",
    ]


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
def test_a_database_that_would_be_gone_at_the_end_is_refused(tmp_path: Path, url: str) -> None:
    """In memory: every connection would have its own, and answers would be acknowledged and lost."""
    [sentence] = refusals(tmp_path, DATABASE_URL=url)
    assert "DATABASE_URL" in sentence


def test_postgresql_is_reached_by_our_driver(tmp_path: Path) -> None:
    settings = read(tmp_path, DATABASE_URL=POSTGRESQL, SECRET_KEY=KEY)
    assert settings.database_url == POSTGRESQL.replace("postgresql:", "postgresql+psycopg:")


def test_other_wrong_values(tmp_path: Path) -> None:
    assert refusals(tmp_path, LOG_LEVEL="LOUD") == ["LOG_LEVEL must be one of DEBUG, ERROR, INFO, WARNING."]
    assert refusals(tmp_path, SUPPLEMENTS=str(tmp_path / "none")) == ["SUPPLEMENTS must name a folder that exists."]


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    sentences = refusals(
        tmp_path,
        PORT="none",
        THREADS="0",
        WORKERS="0",
        TRUSTED_PROXIES="-1",
        LOG_LEVEL="LOUD",
        PUBLIC_URL="http://prom.example.org",
        DATABASE_URL="mysql://db/prom",
        SECRET_KEY="short",
        SUPPLEMENTS=str(tmp_path / "none"),
    )
    named = sorted(sentence.split()[0] for sentence in sentences)
    assert named == [
        "DATABASE_URL",
        "LOG_LEVEL",
        "PORT",
        "PUBLIC_URL",
        "SECRET_KEY",
        "SUPPLEMENTS",
        "THREADS",
        "TRUSTED_PROXIES",
        "WORKERS",
    ]
