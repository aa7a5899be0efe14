"""The database locked or gone: a plain page with what was posted and "Try again"; nothing is lost, nothing is a 500."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from prom_server.core.permissions import Role
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.database import WAIT_SECONDS, Database
from prom_server.store.invitations import PatientSession
from prom_server.store.patients import Patient as PatientRow
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import PASSWORD
from tests.conftest import StartServer
from tests.support import clinic, databases, races, recompute
from tests.support.clinic import TYPED_DATE
from tests.support.databases import only_postgresql, only_sqlite
from tests.support.live_server import LiveServer
from tests.support.pages import Form
from tests.support.patient import Patient
from tests.support.postgresql import Cluster

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # patients leave their lines open


def answers(database: Database) -> list[int | None]:
    with database.reading() as session:
        return list(session.scalars(select(Response.value).order_by(Response.id)))


def assert_carries(patient: Patient, posted: dict[str, str], *, to: str) -> Form:
    """The page is the plain 503 page, and its form holds everything that was posted."""
    assert patient.status == 503, patient.text
    assert "Not saved yet" in patient.page.text
    assert "Try again" in patient.page.text
    form = patient.page.form
    assert (form.action, form.method) == (to, "post")
    assert form.fields == posted
    return form


@contextmanager
def file_held(url: str, begin: str) -> Iterator[sqlite3.Connection]:
    """Another program holds the SQLite file."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute(begin)
    try:
        yield other
    finally:
        if other.in_transaction:
            other.execute("ROLLBACK")
        other.close()


# ---- PostgreSQL stopped


@pytest.fixture
def own_url(own_cluster: Cluster) -> str:
    url = own_cluster.create_database("clinic")
    databases.migrate(url)
    return url


@pytest.mark.postgresql
def test_an_answer_posted_while_postgresql_is_stopped(
    own_cluster: Cluster, own_url: str, start_server: StartServer
) -> None:
    """And a submit, and a birth date; each is stored by "Try again", without typing anything anew."""
    database = Database(own_url)
    links = clinic.invitations_for(database, 3)
    server = start_server(own_url)
    answering, at_review = Patient(server.port).begin(links[0]), races.at_review(server.port, links[1])
    arriving = Patient(server.port).get(f"/a/{links[2]}")
    own_cluster.stop()
    typed = [
        {**answering.page.form.fields, "value": "2"},
        dict(at_review.page.form.fields),
        {**arriving.page.form.fields, **TYPED_DATE},
    ]
    began = time.monotonic()
    answering.submit(value="2")
    at_review.submit()
    arriving.submit(**TYPED_DATE)
    assert time.monotonic() - began < 2 * WAIT_SECONDS
    assert_carries(answering, typed[0], to="/answer/1/1")
    assert_carries(at_review, typed[1], to="/answer/1/review")
    assert_carries(arriving, typed[2], to=f"/a/{links[2]}")
    assert answering.submit().status == 503  # too early: still there
    assert_carries(answering, typed[0], to="/answer/1/1")

    own_cluster.start()
    assert answering.submit().path == "/answer/1/2"
    assert at_review.submit().path == "/answer/2/1"
    assert arriving.submit().path == "/answer"
    assert (answering.status, at_review.status, arriving.status) == (200, 200, 200)
    assert answers(database) == [0] * 9 + [2]
    with database.reading() as session:
        assert recompute.differences(session) == []
        assert session.scalars(select(RecordedScore.value)).all() == [0]
        assert session.scalars(select(PatientRow.wrong_birth_dates)).all() == [0, 0, 0]
    database.dispose()


@pytest.mark.postgresql
def test_every_page_while_postgresql_is_stopped(own_cluster: Cluster, own_url: str, start_server: StartServer) -> None:
    """No session is needed to show it, and none of them is a 500. What is public and needs no database is served."""
    database = Database(own_url)
    [link] = clinic.invitations_for(database, 1)
    server = start_server(own_url)
    patient = Patient(server.port).begin(link)
    form = patient.page.form
    own_cluster.stop()
    for path in ("/answer", "/answer/go-on", "/answer/1/1", "/answer/1/1/skip", "/answer/1/review", "/resume"):
        assert patient.get(path).status == 503, path
        assert (patient.page.form.method, patient.page.form.action) == ("get", path)
    stranger = Patient(server.port)
    for path in (f"/a/{link}", "/a/unknown", "/sign-in", "/healthz"):
        assert stranger.get(path).status == 503, path
    assert stranger.get("/answer/1/1").status == 401  # no session: the page says to open the link
    assert stranger.get("/nowhere").status == 404
    patient.send("POST", "/answer/leave", {"csrf_token": form.fields["csrf_token"]})
    assert patient.status == 503
    own_cluster.start()
    assert Patient(server.port).get(f"/a/{link}").status == 200
    assert server.healthy()
    database.dispose()


# ---- SQLite held by another program


@only_sqlite
def test_answers_posted_while_the_file_is_held_exclusively(
    database: Database, database_url: str, live_server: LiveServer
) -> None:
    links = clinic.invitations_for(database, 3)
    answering, at_review = Patient(live_server.port).begin(links[0]), races.at_review(live_server.port, links[1])
    arriving = Patient(live_server.port).get(f"/a/{links[2]}")
    typed = [
        {**answering.page.form.fields, "value": "2"},
        dict(at_review.page.form.fields),
        {**arriving.page.form.fields, **TYPED_DATE},
    ]
    with file_held(database_url, "BEGIN EXCLUSIVE"):
        races.together(
            lambda: answering.submit(value="2"), lambda: at_review.submit(), lambda: arriving.submit(**TYPED_DATE)
        )
        assert_carries(answering, typed[0], to="/answer/1/1")
        assert_carries(at_review, typed[1], to="/answer/1/review")
        assert_carries(arriving, typed[2], to=f"/a/{links[2]}")
    assert answering.submit().path == "/answer/1/2"
    assert at_review.submit().path == "/answer/2/1"
    assert arriving.submit().path == "/answer"
    assert answers(database) == [0] * 9 + [2]
    with database.reading() as session:
        assert recompute.differences(session) == []


@only_sqlite
def test_reading_goes_on_while_only_writing_is_held(
    database: Database, database_url: str, live_server: LiveServer
) -> None:
    """A backup or an import holds the writer's lock, with changes not committed yet: pages still show."""
    [link] = clinic.invitations_for(database, 1)
    patient = Patient(live_server.port).begin(link)
    posted = {**patient.page.form.fields, "value": "3"}
    with file_held(database_url, "BEGIN IMMEDIATE") as other:
        other.execute("UPDATE patient SET phone = 'not committed'")
        patient.submit(value="3")
        assert_carries(patient, posted, to="/answer/1/1")
        held, second = patient.page.form, races.twin(patient)
        began = time.monotonic()
        assert second.get("/answer/1/1").status == 200
        assert Patient(live_server.port).get(f"/a/{link}").status == 200
        assert live_server.healthy()
        assert time.monotonic() - began < 1
    assert patient.submit(held).path == "/answer/1/2"
    assert answers(database) == [3]


@only_sqlite
def test_a_short_hold_is_waited_for(database: Database, database_url: str, live_server: LiveServer) -> None:
    [link] = clinic.invitations_for(database, 1)
    patient = Patient(live_server.port).begin(link)

    def hold() -> None:
        with file_held(database_url, "BEGIN EXCLUSIVE"):
            time.sleep(1)

    races.together(hold, lambda: (time.sleep(0.2), patient.submit(value="1")))
    assert (patient.status, patient.path) == (200, "/answer/1/2")
    assert answers(database) == [1]


# ---- PostgreSQL that answers and cannot write


@only_postgresql
def test_a_row_that_another_transaction_holds(database: Database, live_server: LiveServer) -> None:
    [link] = clinic.invitations_for(database, 1)
    patient = Patient(live_server.port).begin(link)
    posted = {**patient.page.form.fields, "value": "1"}
    with database.writing() as session:
        session.execute(select(Administration.id).with_for_update())
        patient.submit(value="1")
        assert_carries(patient, posted, to="/answer/1/1")
    assert patient.submit().path == "/answer/1/2"
    assert answers(database) == [1]


@only_postgresql
def test_a_database_that_only_reads(database: Database, live_server: LiveServer) -> None:
    """As a standby before it is promoted, or a disk that an administrator has frozen: locked, not broken."""
    [link] = clinic.invitations_for(database, 1)
    patient = Patient(live_server.port).begin(link)
    posted = {**patient.page.form.fields, "value": "1"}
    name = database.writer.url.database
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"

    def only_reads(switch: str) -> None:
        with database.writer.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {switch}'))
            connection.execute(text(others), {"name": name})

    only_reads("on")
    patient.submit(value="1")
    assert_carries(patient, posted, to="/answer/1/1")
    only_reads("off")
    assert patient.submit().path == "/answer/1/2"
    assert answers(database) == [1]


# ---- What the page holds, and what not


@contextmanager
def away(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database of this process answers nothing for a while."""
    from prom_server.store import database as store

    def refuse(*_facts: object) -> None:
        raise store.DatabaseUnavailable("for a test")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing", contextmanager(refuse))
        patch.setattr(Database, "reading", contextmanager(refuse))
        yield


@pytest.fixture
def app(database: Database, tmp_path: Path):
    from tests.support.browsing import application

    return application(database, tmp_path)


@pytest.fixture
def browser(app) -> Callable[[], object]:
    from tests.support.browsing import Browser

    return lambda: Browser(app)


@only_sqlite
def test_the_page_never_holds_a_password(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        team = people.cast(session)
        email = people.email_of(session, team.bob)
        link = people.staffing.new_password_link(session, team.bob.public_id, by=team.ada, at=clinic.NOON)
    desk = browser()
    form = desk.get("/sign-in").page.form
    with away(database, monkeypatch):
        desk.submit(form, email=email, password=PASSWORD)
    assert desk.status == 503
    assert PASSWORD not in desk.response.text
    assert desk.page.form.fields["email"] == email
    assert desk.submit().status == 422  # the password has to be typed again

    assert link.token
    path = f"/set-password/{link.token}"
    desk.get(path)
    if desk.status == 200:  # the link of a test's noon may be over by now
        form = desk.page.form
        with away(database, monkeypatch):
            desk.submit(form, password=PASSWORD, again=PASSWORD)
        assert desk.status == 503
        assert PASSWORD not in desk.response.text


@only_sqlite
def test_every_field_is_carried_as_it_was_typed(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quotes, markup, line ends and repeated names."""
    [link] = clinic.invitations_for(database, 1)
    phone = browser().begin(link)
    token = phone.page.form.fields["csrf_token"]
    odd = {"csrf_token": token, "item": "\"><b>'&amp;", "value": "a\r\nb", "sequence": "\u00e9 \u2028", "more": ""}
    with away(database, monkeypatch):
        phone.post("/answer/1/1", odd)
    assert phone.status == 503
    assert phone.page.form.fields == odd
    assert "<b>" not in phone.response.text


@only_sqlite
def test_a_page_that_cannot_be_shown_claims_nothing_of_what_was_typed(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    [link] = clinic.invitations_for(database, 1)
    phone = browser().begin(link)
    with away(database, monkeypatch):
        phone.get("/answer/1/1")
    assert phone.status == 503
    assert "What was saved is safe." in phone.page.text
    assert "What you entered" not in phone.page.text


@only_sqlite
def test_our_script_is_told_in_few_words(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    [link] = clinic.invitations_for(database, 1)
    phone = browser().begin(link)
    with away(database, monkeypatch):
        phone.post("/answer/1/1", phone.page.form.fields, headers={"Accept": "application/json"})
    assert (phone.status, phone.response.json) == (503, {"error": "unavailable"})


@only_sqlite
@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.COORDINATOR, Role.ADMINISTRATOR])
def test_a_staff_form_is_carried_too(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.of(role), by=team.ada)
        email = people.email_of(session, team.of(role))
    desk = browser()
    desk.get("/sign-in").submit(email=email, password=PASSWORD)
    path = "/settings/clinic" if role is Role.ADMINISTRATOR else "/patients/new"
    form = next(form for form in desk.get(path).page.forms if len(form.fields) > 2)
    typed = dict.fromkeys(form.fields, "Typed") | {"csrf_token": form.fields["csrf_token"]}
    with away(database, monkeypatch):
        desk.post(form.action or path, typed)
    assert desk.status == 503
    assert desk.page.form.fields == typed


@only_sqlite
def test_an_outage_between_counting_and_comparing_a_birth_date_locks_nobody_out_unseen(
    database: Database, browser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count is committed first; when the comparison then fails five times, the desk must be able to help."""
    from prom_server.services import visits

    [link] = clinic.invitations_for(database, 1)
    phone = browser().get(f"/a/{link}")
    form = phone.page.form
    identify = visits.identify

    def fail(*_facts: object, **_more: object) -> None:
        from prom_server.store.database import DatabaseUnavailable

        raise DatabaseUnavailable("for a test")

    for _ in range(5):
        monkeypatch.setattr(visits, "identify", fail)
        assert phone.submit(form, **TYPED_DATE).status == 503
    monkeypatch.setattr(visits, "identify", identify)
    phone.submit(form, **TYPED_DATE)
    with database.reading() as session:
        row = session.scalars(select(PatientRow)).one()
        let_in = bool(session.scalars(select(PatientSession)).all())
        assert let_in or row.locked_at is not None, "locked out, and the desk is not told"
        assert session.scalars(select(Assessment.completed_at)).first() is None
        assert session.scalars(select(Staff.id)).first() is not None
