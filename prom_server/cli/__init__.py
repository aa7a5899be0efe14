"""The command `prom-server`."""

import os

import click

from prom_server.cli import clinic, instruments, serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Patient-reported outcomes for clinics."""
    os.umask(0o077)  # what we write is for us: the database, its log, the keys


main.add_command(serve.serve)
main.add_command(serve.migrate)
main.add_command(serve.demo)
main.add_command(clinic.clinic)
main.add_command(clinic.staff)
main.add_command(instruments.score)
main.add_command(instruments.instruments)
