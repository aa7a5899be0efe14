"""What a page costs in statements: at most twelve where a patient waits, the same with 100 and 20,000 patients."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import update

from prom_server.core.permissions import Role
from prom_server.store.alerts import Alert
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff
from tests.bench.scale import STAFF_PAGES, Desk, statements
from tests.cast import count
from tests.support import adaptive, clinic
from tests.support.browsing import Browser
from tests.support.clinic import NOON

AT_MOST = 12
FEW, MANY = 100, 20_000


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk.begin(database, tmp_path, at=NOON)


def cost(act: Callable[[], object]) -> int:
    """How many statements one request sends. It must not be refused."""
    with statements() as sent:
        response = act()
    assert response.status_code in {200, 303}, response.text
    assert sent
    return len(sent)


def visit(desk: Desk, travel: time_machine.Traveller) -> dict[str, int]:
    """The cost of each request of a visit, each two minutes after the one before, so that the session is touched."""
    found: dict[str, int] = {}
    phone = desk.phone().begin(desk.invite().token)

    def ask(name: str, method: str, path: str, fields: dict[str, str] | None = None) -> None:
        travel.shift(timedelta(minutes=2))
        found[name] = cost(lambda: phone.client.open(path, method=method, data=fields))

    def answer(name: str, path: str, value: int | None) -> None:
        form = phone.get(path).page.form
        choice = {"go": "skip-confirmed"} if value is None else {"value": str(value)}
        ask(name, "POST", path, {**form.fields, **choice})

    ask("answer page", "GET", "/answer/1/1")
    answer("answer", "/answer/1/1", 1)
    answer("skip", "/answer/1/2", None)
    for number in range(3, 9):
        phone.get(f"/answer/1/{number}").answer(0)
    ask("item 9 page", "GET", "/answer/1/9")
    answer("item 9 raises an alert", "/answer/1/9", 1)
    ask("help page", "GET", "/answer/1/9/help")
    answer("item 9 higher", "/answer/1/9", 3)
    answer("item 9 skipped", "/answer/1/9", None)
    phone.get("/answer/1/10").answer(0)
    ask("review", "GET", "/answer/1/review")
    sending = phone.page.form if phone.get("/answer/1/review") else None
    ask("submit with item 9 skipped", "POST", "/answer/1/review", sending.fields if sending else None)
    while phone.path != "/answer/2/review":
        phone.get("/answer/go-on").answer(0)
    ask("the last submit", "POST", "/answer/2/review", phone.page.form.fields)
    ask("thanks", "GET", "/answer/thanks")
    return found


def adaptive_visit(desk: Desk, travel: time_machine.Traveller) -> dict[str, int]:
    """The cost of each request of an adaptive part, each two minutes after the one before."""
    found: dict[str, int] = {}
    desk.invited += 1
    with desk.database.writing() as session:
        mine = clinic.invited(session, desk.by, number=desk.invited, protocol=adaptive.PROTOCOL, at=NOON)
    phone, part, number = desk.phone().begin(mine.token), f"/answer/{adaptive.part_number()}", 1

    def ask(name: str, method: str, path: str, fields: dict[str, str] | None = None) -> None:
        travel.shift(timedelta(minutes=2))
        found[name] = cost(lambda: phone.client.open(path, method=method, data=fields))

    while phone.get(f"{part}/{number}").path == f"{part}/{number}":  # beyond the end it leads elsewhere
        form = phone.page.form
        choice = {"go": "skip-confirmed"} if number == 2 else {"value": form.options["value"][number % 4]}
        ask(f"adaptive page {number}", "GET", f"{part}/{number}")
        ask(f"adaptive answer {number}", "POST", f"{part}/{number}", {**form.fields, **choice})
        number += 1
    form = phone.get(f"{part}/review").page.form
    ask("adaptive review", "GET", f"{part}/review")
    ask("adaptive submit", "POST", f"{part}/review", form.fields)
    return found


def staff(desk: Desk) -> dict[str, int]:
    pages = {path: path for path in STAFF_PAGES} | {"a patient": f"/patients/{desk.one_of_many()}"}
    return {name: cost(lambda p=path: desk.browser.client.get(p)) for name, path in pages.items()}


def test_pages_cost_the_same_with_few_and_with_many_patients(
    desk: Desk, database: Database, noon: time_machine.Traveller
) -> None:
    found = []
    visit(desk, noon)  # so that there are open alerts and a visit under way at both sizes
    noon.move_to(NOON)
    adaptive_visit(desk, noon)
    for patients in (FEW, MANY):
        noon.move_to(NOON)
        desk.grow(patients)
        at_desk = staff(desk)
        at_home = visit(desk, noon)
        noon.move_to(NOON)
        at_home |= adaptive_visit(desk, noon)
        assert {name: number for name, number in at_home.items() if number > AT_MOST} == {}
        found.append(at_home | at_desk)
    assert found[0] == found[1]
    assert count(database, Alert) == 6  # of each visit one for item 9, and one for its absence


def test_an_alert_that_was_looked_after_costs_no_more_when_it_rises(desk: Desk, noon: time_machine.Traveller) -> None:
    """The longest save: the alert is re-opened by a higher answer."""
    phone = desk.phone().begin(desk.invite().token)
    for _ in range(8):
        phone.answer(0)
    phone.answer(1)
    with desk.database.writing() as session:
        session.execute(update(Alert).values(acknowledged_at=NOON, acknowledged_by=desk.by.id, resolved_at=NOON))
    form = phone.get("/answer/1/9").page.form
    noon.shift(timedelta(minutes=2))
    assert cost(lambda: phone.client.post("/answer/1/9", data={**form.fields, "value": "3"})) <= AT_MOST


def test_twenty_who_are_told_cost_the_patient_nothing(desk: Desk, noon: time_machine.Traveller) -> None:
    with desk.database.writing() as session:
        for n in range(20):
            clinic.member(session, desk.by.clinic, Role.CLINICIAN, f"P{n} Example")
        session.execute(update(Staff).where(Staff.role == Role.CLINICIAN).values(alerts_by="email"))
    phone = desk.phone().begin(desk.invite().token)
    for _ in range(8):
        phone.answer(0)
    form = phone.get("/answer/1/9").page.form
    noon.shift(timedelta(minutes=2))
    assert cost(lambda: phone.client.post("/answer/1/9", data={**form.fields, "value": "1"})) <= AT_MOST
    assert count(desk.database, Message) == 21


def test_the_whole_battery_costs_no_more_than_a_short_one(desk: Desk) -> None:
    """Four instruments, 59 items: the last answers cost what the first did."""
    desk.invited += 1
    with desk.database.writing() as session:
        link = clinic.invited(session, desk.by, number=desk.invited, protocol=clinic.DEFAULT, at=NOON).token
    phone: Browser = desk.phone().begin(link)
    answers, submits = set(), set()
    while phone.path != "/answer/thanks":
        path, form = phone.path, phone.page.form
        if path.endswith("/review"):
            submits.add(cost(lambda p=path, f=form: phone.client.post(p, data=f.fields)))
        else:
            fields = {**form.fields, "value": form.options["value"][0]}
            answers.add(cost(lambda p=path, f=fields: phone.client.post(p, data=f)))
        phone.get("/answer/go-on")
    assert max(answers) <= AT_MOST
    assert max(submits) <= AT_MOST
