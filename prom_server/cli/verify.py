"""`prom-server verify` and `prom-server rescore`: stored scores, computed again."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from prom_server import clock, transaction
from prom_server.cli.serve import settings
from prom_server.core.refusals import NotFound
from prom_server.core.rescoring import DoesNotFit, Misfit, Rescored
from prom_server.core.scoring import Score
from prom_server.core.verification import Checked, Difference, Problem
from prom_server.definitions.library import Library
from prom_server.services import catalogue, rescoring, staffing, verification
from prom_server.services.pinning import DefinitionMissing
from prom_server.services.rescoring import Act, TablesMissing
from prom_server.store.database import Database, DatabaseUnavailable

SHOWN = 20  # misfits; there may be thousands of one kind

Stretch = TypeVar("Stretch", Checked, Rescored)


@contextmanager
def _opened() -> Iterator[None]:
    """The database as it is: a server may be running on it, so its schema is not changed here."""
    chosen = settings()
    database = Database(chosen.database_url)
    try:
        if not database.is_newest():
            raise click.ClickException("The database has an older schema. Bring it up first: prom-server migrate")
        transaction.bind(database)
        catalogue.bind(Library.shipped(chosen.supplements))
        yield
    except DatabaseUnavailable as error:
        raise click.ClickException(f"The database does not answer: {error}. Check DATABASE_URL.") from error
    finally:
        database.dispose()


def _stretches(label: str, total: int, following: Callable[[int], Stretch | None]) -> Iterator[Stretch]:
    """One stretch after another, with a bar where somebody is watching."""
    with click.progressbar(length=total, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        last = 0
        while (found := following(last)) is not None:
            yield found
            bar.update(found.seen)
            last = found.last


# ---- verify


@click.command()
@click.pass_context
def verify(context: click.Context) -> None:
    """Compute every stored score again from the stored answers, and report what differs.

    Reads only, and may run beside the server. Names nobody: administrations appear by their opaque ids. The exit
    status is 1 where there is a difference.
    """
    administrations = scores = differences = 0
    with _opened():
        with transaction.reading() as session:
            total = verification.administrations(session)
        for each in _stretches("Recomputing", total, _check):
            administrations += each.seen
            scores += each.scores
            differences += len(each.differences)
            for difference in each.differences:
                click.echo(_told(difference))
    found = f"{differences:,} difference{'s' * (differences != 1)}" if differences else "no difference"
    click.echo(f"{scores:,} scores of {administrations:,} administrations recomputed: {found}")
    if differences:
        context.exit(1)


def _check(after: int) -> Checked | None:
    with transaction.reading() as session:
        return verification.check(session, after=after)


def _told(found: Difference) -> str:
    where = f"{found.administration} {found.instrument} revision {found.revision}"
    match found.problem:
        case Problem.DIFFERENT:
            stored, again = _in_words(found.stored), _in_words(found.recomputed)
            return f"{where} {found.scale}: stored {stored}, recomputed {again}"
        case Problem.WITHOUT_SCORES:
            return f"{where}: submitted, but without scores"
        case Problem.NOT_SUBMITTED:
            return f"{where}: scores, but never submitted"
        case Problem.DEFINITION_MISSING | Problem.INVALID_ANSWER:
            return f"{where}: {found.detail}"


def _in_words(score: Score | None) -> str:
    """Everything that is compared."""
    if score is None:
        return "nothing"
    value = "no value" if score.value is None else f"{score.value:f}"
    facts = [score.status, f"raw {score.raw}", f"{score.answered} of {score.items}", f"SE {score.se}"]
    return f"{value} ({', '.join([*facts, *filter(None, (score.band, score.reason))])})"


# ---- rescore


def _filled(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not 1 <= len(value.strip()) <= 500:
        raise click.BadParameter("from 1 to 500 characters")
    return value.strip()


@click.command()
@click.argument("instrument_id", metavar="INSTRUMENT")
@click.option("--to", "revision", required=True, type=click.IntRange(min=1), metavar="REVISION")
@click.option("--reason", required=True, callback=_filled, help="For the audit trail.")
@click.option("--by", "decided_by", required=True, callback=_filled, help="Who decided it, for the audit trail.")
@click.option("--clinic", "clinic_name", help="Name or id; all clinics where not given.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rescore(
    instrument_id: str,
    revision: int,
    reason: str,
    decided_by: str,
    clinic_name: str | None,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Score what was submitted of INSTRUMENT again, under another revision of it.

    The old scores are kept, superseded; what was answered, and under which revision, stays as it is. One line of the
    audit trail for each administration. May be stopped and started again: it goes on with what is left.
    """
    with _opened():
        act = _act(instrument_id, revision, reason, decided_by, clinic_name)
        try:
            found = _previewed(act)
            if found.administrations == 0:
                click.echo(f"Nothing to do: everything is under {instrument_id}, revision {revision}.")
                return
            click.echo(
                f"{instrument_id} to revision {revision}: {found.administrations:,} administrations to score again, "
                f"{found.changed:,} of {found.scores:,} values change."
            )
            if not dry_run and (yes or click.confirm("Score them again?", abort=True)):
                done = _rescored(act)
                click.echo(f"{done:,} administrations were scored again. Their old scores are kept.")
        except DefinitionMissing as error:
            raise click.ClickException(f"{error}. `prom-server verify` lists all of them.") from error


def _act(instrument_id: str, revision: int, reason: str, decided_by: str, clinic_name: str | None) -> Act:
    try:
        target = rescoring.target(instrument_id, revision)
    except NotFound as error:
        raise click.BadParameter(f"there is no {instrument_id}, revision {revision}.") from error
    except TablesMissing as error:
        raise click.ClickException(f"The tables of {error} are not there: a supplement brings them.") from error
    if clinic_name is None:
        return Act(target, reason, decided_by)
    try:
        with transaction.reading() as session:
            return Act(target, reason, decided_by, staffing.find_clinic(session, clinic_name).id)
    except NotFound as error:
        raise click.BadParameter(f"there is no clinic {clinic_name}.", param_hint="--clinic") from error


def _previewed(act: Act) -> Rescored:
    """All stretches in one. Refuses where anything does not fit."""

    def following(after: int) -> Rescored | None:
        with transaction.reading() as session:
            return rescoring.preview(session, act, after=after)

    with transaction.reading() as session:
        total = rescoring.administrations(session, act)
    seen = administrations = scores = changed = wrong = 0
    for each in _stretches("Looking", total, following):
        seen += each.seen
        administrations += each.administrations
        scores += each.scores
        changed += each.changed
        _tell_misfits(each.misfits[: max(0, SHOWN - wrong)])
        wrong += len(each.misfits)
    if wrong:
        raise click.ClickException(f"{wrong:,} answers do not fit revision {act.target.revision}. Nothing was changed.")
    return Rescored(0, seen, administrations, scores, changed)


def _rescored(act: Act) -> int:
    def following(after: int) -> Rescored | None:
        with transaction.transaction() as session:
            return rescoring.rescore(session, act, at=clock.now(), after=after)

    with transaction.reading() as session:
        total = rescoring.administrations(session, act)
    try:
        return sum(each.administrations for each in _stretches("Scoring", total, following))
    except DoesNotFit as error:  # answered since we looked
        _tell_misfits(error.misfits[:SHOWN])
        raise click.ClickException("Stopped: these do not fit. What was scored again before them stays so.") from error


def _tell_misfits(misfits: tuple[Misfit, ...]) -> None:
    for each in misfits:
        click.echo(f"{each.administration} (revision {each.revision}): {each.what}", err=True)
