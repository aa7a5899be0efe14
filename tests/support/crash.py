"""Patients answer while server workers are killed; afterwards every acknowledged answer must be there, once."""

import contextlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prom_server.core.tokens import hash_token
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.invitations import Invitation
from tests.support import recompute
from tests.support.live_server import LiveServer
from tests.support.patient import LINE_CUT, Patient

RETRY_SECONDS = 20


@dataclass
class Tally:
    """What the patients were told, and what happened around them."""

    answers: dict[tuple[str, int, str], int] = field(default_factory=dict)  # (link, part, item) -> acknowledged value
    submits: set[tuple[str, int]] = field(default_factory=set)
    requests: int = 0
    retries: int = 0
    kills: int = 0
    slowest_return: float = 0.0
    failures: list[str] = field(default_factory=list)


def insist(patient: Patient, method: str, path: str, fields: dict[str, str] | None, tally: Tally) -> None:
    """As a browser with a tired person before it: when the line is cut, the same request again."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            patient.send(method, path, fields)
        except LINE_CUT:
            patient.hang_up()
        else:
            if patient.status != 503:
                return
        if time.monotonic() > deadline:
            raise AssertionError(f"{method} {path}: no answer within {RETRY_SECONDS} s")
        tally.retries += 1
        time.sleep(0.05)


def show(patient: Patient, tally: Tally) -> None:
    while patient.location is not None:
        insist(patient, "GET", patient.location, None, tally)


def visit(port: int, link: str, tally: Tally) -> None:
    """Answers the whole battery; notes each answer and submit that the server acknowledged by a redirect."""
    patient = Patient(port)
    insist(patient, "GET", f"/a/{link}", None, tally)
    typed = {"month": "3", "day": "12", "year": "1968"}
    insist(patient, "POST", patient.path, {**patient.page.form.fields, **typed}, tally)
    show(patient, tally)
    insist(patient, "POST", "/answer", patient.page.form.fields, tally)
    show(patient, tally)
    chooser = random.Random(link)
    while not patient.path.endswith("/thanks"):
        _act(patient, link, chooser, tally)


def _act(patient: Patient, link: str, chooser: random.Random, tally: Tally) -> None:
    if patient.path.endswith("/help"):
        insist(patient, "GET", patient.page.links[-1], None, tally)
        return
    form, path = patient.page.form, patient.path
    part = int(path.split("/")[2])
    typed = {}
    if not path.endswith("/review"):
        typed = {"value": chooser.choice(form.options["value"])}
    tally.requests += 1
    insist(patient, "POST", path, {**form.fields, **typed}, tally)
    if patient.location is None:
        raise AssertionError(f"{path}: {patient.status} {patient.page.text[:200]}")
    if typed:
        tally.answers[link, part, form.fields["item"]] = int(typed["value"])
    else:
        tally.submits.add((link, part))
    show(patient, tally)


def workers(server: LiveServer) -> list[int]:
    """The processes that serve: the children of the first one."""
    first, *others = server.pids()
    return [pid for pid in others if _parent(pid) == first]


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def kill_workers(server: LiveServer, kills: int, tally: Tally, stop: threading.Event) -> None:
    """Kills a worker, waits until the server serves again, lets the patients go on a little, and so on."""
    chooser = random.Random(kills)
    while tally.kills < kills and not stop.is_set():
        for pid in workers(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tally.kills += 1
        tally.slowest_return = max(tally.slowest_return, server.wait_until_healthy())
        time.sleep(chooser.uniform(0.0, 0.4))


def run(server: LiveServer, links: list[str], clients: int, kills: int) -> Tally:
    """`clients` patients at a time visit while `kills` workers are killed; kills go on until the last visit ends."""
    tally, todo, lock, stop = Tally(), list(links), threading.Lock(), threading.Event()

    def client() -> None:
        while True:
            with lock:
                if not todo or (tally.kills >= kills and tally.requests >= 10 * kills):
                    return
                link = todo.pop()
            try:
                visit(server.port, link, tally)
            except AssertionError as error:
                tally.failures.append(str(error))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    killer = threading.Thread(target=kill_workers, args=(server, kills, tally, stop))
    for thread in [*threads, killer]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    killer.join()
    return tally


def losses(session: Session, tally: Tally) -> list[str]:
    """One sentence for everything acknowledged that is not stored, stored twice, or half stored."""
    found = list(tally.failures)
    for (link, part, item), value in tally.answers.items():
        stored = session.scalars(_of(select(Response.value), link, part).where(Response.item_id == item)).all()
        if stored != [value]:
            found.append(f"{part}/{item}: acknowledged {value}, stored {stored}")
    for link, part in tally.submits:
        counted = (
            select(func.count())
            .select_from(RecordedScore)
            .join(Administration, Administration.id == RecordedScore.administration_id)
        )
        if session.scalar(_linked(counted, link, part)) == 0:
            found.append(f"{part}: acknowledged as submitted, no score stored")
    return found + recompute.differences(session)


def _of(statement, link: str, part: int):
    return _linked(statement.join(Administration, Administration.id == Response.administration_id), link, part)


def _linked(statement, link: str, part: int):
    return (
        statement.join(Assessment, Assessment.id == Administration.assessment_id)
        .join(Invitation, Invitation.assessment_id == Assessment.id)
        .where(Invitation.token_hash == hash_token(link), Administration.position == part)
    )
