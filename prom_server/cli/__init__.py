"""The command `prom-server`."""

import os
from importlib import import_module

import click

_ROOMS = {  # command -> the module of this package that holds it
    "serve": "serve",
    "worker": "worker",
    "migrate": "serve",
    "demo": "serve",
    "clinic": "clinic",
    "staff": "clinic",
    "score": "score",
    "cat": "cat",
    "instruments": "instruments",
    "supplement": "instruments",
    "bounce": "inbound",
    "verify": "verify",
    "rescore": "verify",
}


class _Rooms(click.Group):
    """Imports a command when it is asked for: scoring needs neither the server nor the database."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_ROOMS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _ROOMS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
        return command


@click.group(cls=_Rooms, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Patient-reported outcomes for clinics."""
    os.umask(0o077)  # what we write is for us: the database, its log, the keys
