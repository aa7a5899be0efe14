"""Where the folders that travel with the package are: bundled in a wheel, or the repository's own."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def directory(name: str) -> Path:
    """The folder `name` ("instruments", "migrations", "templates", "translations")."""
    bundled = _PACKAGE / "_bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name
