"""The command `prom-server`."""

import click

from prom_server.cli import clinic, instruments, serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Patient-reported outcomes for clinics."""


main.add_command(serve.serve)
main.add_command(serve.migrate)
main.add_command(serve.demo)
main.add_command(clinic.clinic)
main.add_command(clinic.staff)
main.add_command(instruments.score)
main.add_command(instruments.instruments)
