"""Two requests at the same moment over real connections, many times: one outcome, and both people see the same."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.invitations import PatientSession
from prom_server.store.patients import Patient as PatientRow
from tests.support import clinic, races, recompute
from tests.support.clinic import TYPED_DATE
from tests.support.live_server import LiveServer
from tests.support.patient import Patient

PAIRS = 15
WRONG = {**TYPED_DATE, "day": "13"}

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # patients leave their lines open


@pytest.fixture
def links(database: Database) -> list[str]:
    return clinic.invitations_for(database, PAIRS)


def test_simultaneous_submits(links: list[str], live_server: LiveServer, database: Database) -> None:
    seen = Counter(races.submit_twice(live_server.port, link) for link in links)
    assert seen == {("200 /answer/2/1", "200 /answer/2/1"): PAIRS}
    with database.reading() as session:
        assert recompute.differences(session) == []
        stored = session.execute(
            select(RecordedScore.administration_id, func.count()).group_by(RecordedScore.administration_id)
        ).all()
        assert [number for _administration, number in stored] == [1] * PAIRS
        submits = select(func.count()).where(AuditEntry.action == "administration.submit")
        assert session.scalar(submits) == PAIRS


def test_save_against_submit(links: list[str], live_server: LiveServer, database: Database) -> None:
    """The save came first and is scored, or the submit came first and the save is refused.

    A save that was first may lead to a page of a part that is sent by then: that is a 409 too, so it is not counted.
    """
    seen = Counter(races.save_against_submit(live_server.port, link) for link in links)
    assert {submit for submit, _save in seen} == {200}
    assert {save for _submit, save in seen} <= {200, 409}
    with database.reading() as session:
        assert recompute.differences(session) == []
        changed = session.scalar(select(func.count()).select_from(Response).where(Response.value == 3))
        assert changed >= sum(times for (_submit, save), times in seen.items() if save == 200)
        assert Counter(session.scalars(select(RecordedScore.value)))[3] == changed
        assert session.scalar(select(func.count()).select_from(RecordedScore)) == PAIRS


def test_simultaneous_last_submits_complete_the_assessment_once(
    links: list[str], live_server: LiveServer, database: Database
) -> None:
    patient = Patient(live_server.port).begin(links[0])
    while patient.path != "/answer/2/review":
        patient.submit(value="0") if patient.page.form.options else patient.submit()
    first, second = patient, races.twin(patient)
    form = first.page.form
    races.together(
        lambda: first.post("/answer/2/review", form.fields), lambda: second.post("/answer/2/review", form.fields)
    )
    assert (first.status, first.path) == (second.status, second.path) == (200, "/answer/thanks")
    with database.reading() as session:
        assert recompute.differences(session) == []
        assert session.scalar(select(func.count()).where(Assessment.completed_at.is_not(None))) == 1


def test_simultaneous_starts(links: list[str], live_server: LiveServer, database: Database) -> None:
    for link in links[:5]:
        first = Patient(live_server.port).get(f"/a/{link}").submit(**TYPED_DATE)
        form, second = first.page.form, races.twin(first)
        races.together(
            lambda a=first, f=form: a.post("/answer", f.fields), lambda b=second, f=form: b.post("/answer", f.fields)
        )
        assert (first.status, first.path) == (second.status, second.path) == (200, "/answer/1/1")
    with database.reading() as session:
        begun = session.execute(
            select(Administration.assessment_id, func.count()).group_by(Administration.assessment_id)
        ).all()
        assert [parts for _assessment, parts in begun] == [2] * 5
        assert session.scalar(select(func.count()).where(AuditEntry.action == "assessment.start")) == 5


def test_the_same_answer_sent_twice_at_once_is_stored_once(
    links: list[str], live_server: LiveServer, database: Database
) -> None:
    for link in links[:5]:
        first = Patient(live_server.port).begin(link)
        form, second = first.page.form, races.twin(first)
        races.together(lambda a=first, f=form: a.submit(f, value="2"), lambda b=second, f=form: b.submit(f, value="2"))
        assert (first.status, first.path) == (second.status, second.path) == (200, "/answer/1/2")
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 5


def test_simultaneous_wrong_dates_never_allow_more_than_five(
    links: list[str], live_server: LiveServer, database: Database
) -> None:
    """Two at a time, and then the right date: it is too late."""
    tabs = [Patient(live_server.port).get(f"/a/{links[0]}") for _ in range(2)]
    forms = [tab.page.form for tab in tabs]
    compared = 0
    for _ in range(5):
        races.together(*(lambda t=tab, f=form: t.submit(f, **WRONG) for tab, form in zip(tabs, forms, strict=True)))
        assert {tab.status for tab in tabs} <= {422, 403}
        compared += sum(tab.status == 422 for tab in tabs)
    assert compared == 5
    assert tabs[0].submit(forms[0], **TYPED_DATE).status == 403
    with database.reading() as session:
        row = session.scalars(select(PatientRow).where(PatientRow.locked_at.is_not(None))).one()
        assert row.wrong_birth_dates == 5
        assert session.scalar(select(func.count()).where(AuditEntry.action == "birth_date.wrong")) == 5
        assert session.scalar(select(func.count()).where(AuditEntry.action == "links.lock")) == 1
        assert session.scalar(select(func.count()).select_from(PatientSession)) == 0


def test_ten_wrong_dates_at_once_are_five(links: list[str], live_server: LiveServer, database: Database) -> None:
    tabs = [Patient(live_server.port).get(f"/a/{links[0]}") for _ in range(10)]
    races.together(*(lambda t=tab: t.submit(**WRONG) for tab in tabs))
    assert Counter(tab.status for tab in tabs) == {422: 5, 403: 5}
    with database.reading() as session:
        assert session.scalars(select(PatientRow.locked_at).where(PatientRow.wrong_birth_dates == 5)).one() is not None
