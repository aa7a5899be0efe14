"""Two requests at the same moment, over real connections."""

import threading
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from prom_server.store.database import Database
from tests.support.patient import Patient


def together(*acts: Callable[[], object]) -> None:
    """Runs the acts in threads that start at one barrier; raises what any of them raised."""
    barrier, failures = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        try:
            barrier.wait()
            act()
        except BaseException as error:  # noqa: BLE001 - reported to the caller below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def one_waits(database: Database, first: Callable[[Session], object], second: Callable[[Session], object]) -> None:
    """On PostgreSQL: the second act comes while the first is done and not committed. Raises what the second raised."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with database.writing() as session:
                second(session)
        except BaseException as error:  # noqa: BLE001 - reported to the caller below
            failures.append(error)

    thread = threading.Thread(target=run)
    with database.writing() as session:
        first(session)
        thread.start()
        time.sleep(0.3)  # until it waits
    thread.join()
    if failures:
        raise failures[0]


def twin(patient: Patient) -> Patient:
    """The same browser session in a second tab."""
    return Patient(patient.port, cookies=dict(patient.cookies))


def at_review(port: int, link_token: str) -> Patient:
    """A patient who has answered PHQ-9 with zeros and looks at the review."""
    patient = Patient(port).begin(link_token)
    while not patient.path.endswith("/review"):
        patient.submit(value="0")
    return patient


def submit_twice(port: int, link_token: str) -> tuple[str, str]:
    """The same submit from two tabs at once; the pages that both see."""
    first = at_review(port, link_token)
    form, second = first.page.form, twin(first)
    path = first.path
    together(lambda: first.post(path, form.fields), lambda: second.post(path, form.fields))
    return f"{first.status} {first.path}", f"{second.status} {second.path}"


def save_against_submit(port: int, link_token: str) -> tuple[int, int]:
    """A changed answer in one tab, the submit in the other, at once; their status codes."""
    first = at_review(port, link_token)
    submit, second = first.page.form, twin(first)
    review = first.path
    change = second.get("/answer/1/1").page.form
    together(lambda: first.post(review, submit.fields), lambda: second.submit(change, value="3"))
    return first.status, second.status
