"""Tablets of the clinic: their credential, what is handed to them, codes and their limits, sessions that end."""

import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from prom_server.core.kiosks import (
    DeviceLocked,
    DeviceNameTaken,
    DeviceRevoked,
    DeviceState,
    HandoverGone,
    NotAnswerable,
    PatientLocked,
    Presence,
    SetUpOver,
    Times,
    typed_code,
)
from prom_server.core.permissions import NotAllowed
from prom_server.core.refusals import NotFound
from prom_server.services import answering, devices, handovers, kiosks, tablet_entry, tablets, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.services.tablet_entry import Where
from prom_server.store.assessments import Administration, Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.courses import Course
from prom_server.store.database import Database, DatabaseUnavailable
from prom_server.store.kiosks import Device as DeviceRow
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, kiosk, races
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.databases import only_postgresql
from tests.support.kiosk import Tablet

WRONG = date(1968, 3, 21)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@dataclass
class Desk:
    database: Database
    team: Cast
    assessment: str
    other_assessment: str  # of the other clinic
    first: Tablet
    second: Tablet
    theirs: Tablet


@pytest.fixture
def desk(database: Database) -> Desk:
    with database.writing() as session:
        team = people.cast(session)
        ada_2 = clinic.member(
            session, session.get_one(Clinic, team.charlie.clinic.id), people.Role.ADMINISTRATOR, "Abe Two"
        )
        ours, theirs = people.start(session, team), _course(session, team)
        made = [
            kiosk.tablet(session, team.ada),
            kiosk.tablet(session, team.ada, "Tablet 2"),
            kiosk.tablet(session, ada_2),
        ]
        own = clinic.assessment_of(session, ours, "baseline")
        other = clinic.assessment_of(session, theirs, "baseline")
    return Desk(database, team, own, other, *(Tablet(database, each) for each in made))


def _course(session, team: Cast) -> str:
    return people.courses.start_course(session, team.charlies, clinic.FREE, NOON.date(), by=team.charlie, at=NOON)


def begin(desk: Desk, tablet: Tablet | None = None, *, at=NOON) -> str:
    """A patient's session on a tablet."""
    tablet = tablet or desk.first
    kiosk.start_on(desk.database, desk.assessment, tablet, desk.team.cora, at=at)
    token = tablet.identify(at=at).token
    assert token is not None
    return token


def state(desk: Desk, token: str, at) -> Presence:
    with desk.database.reading() as session:
        return tablets.attendance(session, token, at=at).presence


# ---- The administrator


def test_a_set_up_link_serves_once_and_its_token_is_no_credential(desk: Desk) -> None:
    with desk.database.writing() as session:
        link = devices.register(session, "Tablet 3", "es", by=desk.team.ada, at=NOON)
        assert kiosks.of_credential(session, link.token, at=NOON) is None
        credential = kiosks.set_up(session, link.token, at=NOON)
    with desk.database.writing() as session:
        device = kiosks.of_credential(session, credential, at=NOON)
        assert device is not None
        assert (device.name, device.language) == ("Tablet 3", "es")
        with pytest.raises(SetUpOver):
            kiosks.set_up(session, link.token, at=NOON)
        with pytest.raises(SetUpOver):
            kiosks.set_up(session, credential, at=NOON)


def test_a_set_up_link_is_too_old_after_a_day(desk: Desk) -> None:
    with desk.database.writing() as session:
        link = devices.register(session, "Tablet 3", "en", by=desk.team.ada, at=NOON)
        with pytest.raises(SetUpOver):
            kiosks.look_at_set_up(session, link.token, at=NOON + timedelta(hours=24))


def test_a_revoked_tablet_is_nobody_s_and_the_patient_on_it_is_over(desk: Desk) -> None:
    token, device = begin(desk), desk.first.device()
    with desk.database.writing() as session:
        devices.revoke(session, device.public_id, by=desk.team.ada, at=NOON)
    with desk.database.reading() as session:
        assert kiosks.of_credential(session, desk.first.credential, at=NOON) is None
        with pytest.raises(visits.TabletOver):
            visits.of_session(session, token, at=NOON)
        assert [each.state for each in devices.devices(session, by=desk.team.ada)] == [
            DeviceState.READY,
            DeviceState.REVOKED,
        ]
    with desk.database.writing() as session, pytest.raises(DeviceRevoked):
        devices.new_set_up_link(session, device.public_id, by=desk.team.ada, at=NOON)


def test_a_new_set_up_link_takes_the_old_credential_away(desk: Desk) -> None:
    with desk.database.writing() as session:
        devices.new_set_up_link(session, desk.first.device().public_id, by=desk.team.ada, at=NOON)
        assert kiosks.of_credential(session, desk.first.credential, at=NOON) is None


def test_names_are_unique_in_a_clinic_and_free_again_after_a_revocation(desk: Desk) -> None:
    second = desk.second.device().public_id
    with desk.database.writing() as session:
        with pytest.raises(DeviceNameTaken):
            devices.rename(session, second, "Tablet 1", "en", by=desk.team.ada, at=NOON)
        devices.revoke(session, desk.first.device().public_id, by=desk.team.ada, at=NOON)
        devices.rename(session, second, "Tablet 1", "es", by=desk.team.ada, at=NOON)
        assert devices.device(session, second, by=desk.team.ada).language == "es"


def test_only_an_administrator_of_the_clinic_manages_tablets(desk: Desk) -> None:
    theirs = desk.theirs.device().public_id
    with desk.database.writing() as session:
        with pytest.raises(NotFound):
            devices.revoke(session, theirs, by=desk.team.ada, at=NOON)
        with pytest.raises(NotAllowed):
            devices.register(session, "Tablet 9", "en", by=desk.team.cora, at=NOON)
        with pytest.raises(NotFound):
            kiosks.unlock(session, desk.theirs.device(), by=desk.team.bob, at=NOON)


def test_what_is_done_with_a_tablet_is_audited(desk: Desk) -> None:
    device = desk.first.device().public_id
    with desk.database.writing() as session:
        devices.rename(session, device, "Tablet A", "es", by=desk.team.ada, at=NOON)
        devices.change_times(session, Times(60, 120, 20), by=desk.team.ada, at=NOON)
        devices.revoke(session, device, by=desk.team.ada, at=NOON)
        lines = session.execute(
            select(AuditEntry.action, AuditEntry.detail).where(AuditEntry.subject == f"device:{device}")
        ).all()
    assert [tuple(line) for line in lines] == [
        ("device.register", "Tablet 1, en"),
        ("device.set_up", None),
        ("device.rename", "Tablet 1, en -> Tablet A, es"),
        ("device.revoke", None),
    ]


# ---- The desk


def test_the_chosen_tablet_asks_only_for_the_birth_date(desk: Desk) -> None:
    assert not desk.first.waits()
    assert kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora) == "Tablet 1"
    assert desk.first.waits()
    assert not desk.second.waits()
    token = desk.first.identify().token
    assert token is not None
    assert not desk.first.waits()
    with desk.database.writing() as session:
        answering.start(session, token, at=NOON)
        assert set(session.scalars(select(Administration.mode))) == {"kiosk"}


def test_a_handover_serves_fifteen_minutes_and_a_newer_one_replaces_it(desk: Desk) -> None:
    kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora)
    assert desk.first.waits(NOON + 14 * MINUTE)
    assert not desk.first.waits(NOON + 15 * MINUTE)
    with pytest.raises(HandoverGone):
        desk.first.identify(at=NOON + 15 * MINUTE)
    kiosk.start_on(desk.database, desk.assessment, desk.second, desk.team.cora)  # the patient sits elsewhere now
    assert (desk.first.waits(), desk.second.waits()) == (False, True)


def test_another_patient_on_the_same_tablet_replaces_the_one_before(desk: Desk) -> None:
    with desk.database.writing() as session:
        zoe = people.patient(session, desk.team.bob, "Zoe", number="DEMO-2", born=WRONG)
        later = clinic.assessment_of(session, people.start(session, desk.team, patient_id=zoe), "baseline")
    kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora)
    kiosk.start_on(desk.database, later, desk.first, desk.team.cora)
    assert desk.first.identify(BIRTH_DATE).token is None
    assert desk.first.identify(WRONG).token is not None


def test_what_takes_no_answers_is_not_handed_over(desk: Desk) -> None:
    with desk.database.writing() as session:
        course = session.scalars(select(Course.public_id).where(Course.clinic_id == desk.team.bob.clinic.id)).one()
        people.infuse(session, course, desk.team.bob, 0)  # which closes the baseline
    later = NOON + MINUTE
    with pytest.raises(NotAnswerable):
        kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora, at=later)
    with pytest.raises(NotAnswerable):
        kiosk.make_code(desk.database, desk.assessment, desk.team.cora, at=later)


def test_what_ended_meanwhile_is_not_opened(desk: Desk) -> None:
    kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora)
    with desk.database.writing() as session:
        session.execute(update(Assessment).values(cancelled_at=NOON))
    with pytest.raises(HandoverGone):
        desk.first.identify()


def test_a_locked_patient_is_unlocked_first(desk: Desk) -> None:
    with desk.database.writing() as session:
        session.execute(update(Patient).values(locked_at=NOON))
    with pytest.raises(PatientLocked):
        kiosk.make_code(desk.database, desk.assessment, desk.team.cora)


def test_another_clinic_s_tablet_and_assessment_are_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        kiosk.start_on(desk.database, desk.assessment, desk.theirs, desk.team.cora)
    with pytest.raises(NotFound):
        kiosk.start_on(desk.database, desk.other_assessment, desk.first, desk.team.cora)


def test_handed_over_on_a_device_of_the_staff_s_own(desk: Desk) -> None:
    with desk.database.writing() as session:
        own = Where(None, handovers.start_here(session, desk.assessment, by=desk.team.bob, at=NOON))
        tablet_entry.count_attempt(session, own, at=NOON)
        token = tablet_entry.identify(session, own, BIRTH_DATE, at=NOON).token
        assert token is not None
        with pytest.raises(HandoverGone):
            tablet_entry.count_attempt(session, own, at=NOON)
        assert tablets.attendance(session, token, at=NOON).device_id is None


# ---- Birth dates count as they do for links


def test_five_wrong_dates_lock_the_patient_wherever_they_were_typed(desk: Desk) -> None:
    kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora)
    assert [desk.first.identify(WRONG).left for _ in range(5)] == [4, 3, 2, 1, 0]
    with pytest.raises(visits.LinkLocked):
        desk.first.identify(BIRTH_DATE)
    with desk.database.reading() as session:
        locked = select(Patient.locked_at).where(Patient.public_id.in_([desk.team.alice, desk.team.charlies]))
        assert session.scalars(locked.order_by(Patient.id)).all() == [NOON, None]


# ---- Codes


def statements(desk: Desk, tablet: Tablet, code: str, at: datetime) -> list[str]:
    """What the database is asked when this code is tried, which does not serve."""
    asked: list[str] = []

    def note(_connection, _cursor, statement: str, *_how: object) -> None:
        asked.append(statement)

    event.listen(desk.database.writer, "before_cursor_execute", note)
    try:
        assert not tablet.try_code(code, at)
    finally:
        event.remove(desk.database.writer, "before_cursor_execute", note)
    return asked


def test_typed_twice_on_one_tablet_a_code_still_waits_there(desk: Desk) -> None:
    """A button pressed twice, or Back: it is no wrong code."""
    code = kiosk.make_code(desk.database, desk.assessment, desk.team.cora)
    assert [desk.second.try_code(code) for _ in range(6)] == [True] * 6
    assert desk.second.waits()
    assert not desk.second.device().locked


def test_a_code_serves_once_on_any_tablet_of_the_clinic(desk: Desk) -> None:
    code = kiosk.make_code(desk.database, desk.assessment, desk.team.cora)
    assert desk.second.try_code(code)
    assert desk.second.waits()
    assert not desk.first.try_code(code)
    assert desk.second.identify().token is not None
    assert not desk.second.try_code(code)


@only_postgresql
def test_the_tablet_is_held_before_what_waits_on_it(desk: Desk) -> None:
    """As by a desk that takes it out of use; else each could wait for the other."""
    code = kiosk.make_code(desk.database, desk.assessment, desk.team.cora)
    device = desk.first.device()

    def leave(session: Session) -> None:
        kiosks.leave(session, device, by=desk.team.cora, at=NOON)

    def claim(session: Session) -> None:
        session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        tablet_entry.claim(session, device, code, at=NOON)

    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        asked.append(statement)

    event.listen(desk.database.writer, "before_cursor_execute", note)
    try:
        with pytest.raises(DatabaseUnavailable):
            races.one_waits(desk.database, leave, claim)
    finally:
        event.remove(desk.database.writer, "before_cursor_execute", note)
    assert "FOR NO KEY UPDATE" in asked[-1]
    assert desk.second.try_code(code)


@pytest.mark.parametrize("why", ["wrong", "used", "expired", "foreign", "replaced"])
def test_a_code_that_does_not_serve_leaves_the_same_trace_after_the_same_work(desk: Desk, why: str) -> None:
    """The same statements whatever is wrong with it, so that the time tells nothing either."""
    usual = statements(desk, desk.theirs, "000000", NOON)
    code = kiosk.make_code(desk.database, desk.assessment, desk.team.cora)
    at, tablet = NOON, desk.first
    if why == "wrong":
        code = f"{(int(code) + 1) % 10**6:06}"
    elif why == "used":
        assert desk.second.try_code(code)
        desk.second.identify()
    elif why == "expired":
        at = NOON + 30 * MINUTE
    elif why == "replaced":
        kiosk.start_on(desk.database, desk.assessment, desk.second, desk.team.cora)
    else:
        tablet = desk.theirs
    assert statements(desk, tablet, code, at) == usual
    assert not tablet.waits(at)
    with desk.database.reading() as session:
        traces = select(AuditEntry).where(AuditEntry.action == "code.wrong").order_by(AuditEntry.id)
        *_usual, wrong = session.scalars(traces)
        assert (wrong.detail, wrong.patient_id, wrong.at) == (None, None, at)


def test_five_wrong_codes_lock_this_tablet_alone_until_somebody_of_the_staff_is_there(desk: Desk) -> None:
    code = kiosk.make_code(desk.database, desk.assessment, desk.team.cora)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for minute in range(5):
        assert not desk.first.try_code(wrong, NOON + minute * MINUTE)
    later = NOON + timedelta(minutes=20)
    with pytest.raises(DeviceLocked):
        desk.first.try_code(code, later)
    assert desk.first.device().locked
    assert not desk.second.device().locked
    assert desk.second.try_code(code, later)  # at once
    with desk.database.writing() as session:
        kiosks.unlock(session, desk.first.device(), by=desk.team.cora, at=later)
    assert not desk.first.try_code(wrong, later)
    assert not desk.first.device().locked


def test_no_ten_minutes_hold_five_wrong_codes_without_a_lock(desk: Desk) -> None:
    """The count does not begin anew in the middle: only ten quiet minutes end it."""
    for minute in (0, 9, 18, 27):
        desk.first.try_code("000000", NOON + minute * MINUTE)
    assert not desk.first.device().locked
    desk.first.try_code("000000", NOON + 36 * MINUTE)
    assert desk.first.device().locked


def test_at_the_full_allowed_rate_a_tablet_takes_24_guesses_an_hour(desk: Desk) -> None:
    """Four, then ten quiet minutes, again and again: the most that never needs the staff. See decision 12."""
    guesses, at = 0, NOON
    while at < NOON + 60 * MINUTE:
        for _ in range(4):
            desk.first.try_code(f"{guesses:06}", at)
            guesses += 1
        at += 10 * MINUTE
    assert guesses == 24
    assert not desk.first.device().locked
    for _ in range(5):
        desk.first.try_code("999999", at)
    with pytest.raises(DeviceLocked):
        desk.first.try_code("999999", at)


def test_a_right_code_buys_no_further_guesses(desk: Desk) -> None:
    for _ in range(4):
        assert not desk.first.try_code("x" * 6)
    assert desk.first.try_code(kiosk.make_code(desk.database, desk.assessment, desk.team.cora))
    assert not desk.first.device().locked
    desk.first.try_code("x" * 6)
    assert desk.first.device().locked


def test_simultaneous_guesses_are_all_counted(desk: Desk) -> None:
    outcomes: list[object] = []

    def guess() -> None:
        try:
            outcomes.append(desk.first.try_code("x" * 6))
        except DeviceLocked as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcomes.count(False) == 5
    assert outcomes.count(DeviceLocked) == 7


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        ("123 456", "123456"),
        ("123-456", "123456"),
        ("12345", None),
        ("1234567", None),
        ("１２３４５６", None),
        ("", None),
    ],
)
def test_what_may_be_a_code(typed: str, code: str | None) -> None:
    assert typed_code(typed) == code


# ---- The session on a tablet


def test_it_covers_itself_after_90_seconds_and_ends_300_later(desk: Desk) -> None:
    token = begin(desk)
    assert state(desk, token, NOON + 90 * SECOND) is Presence.HERE
    assert state(desk, token, NOON + 91 * SECOND) is Presence.COVERED
    assert state(desk, token, NOON + 390 * SECOND) is Presence.COVERED
    with pytest.raises(visits.TabletOver):
        state(desk, token, NOON + 391 * SECOND)


def test_the_clinic_s_own_times_count(desk: Desk) -> None:
    with desk.database.writing() as session:
        devices.change_times(session, Times(30, 60, 5), by=desk.team.ada, at=NOON)
    token = begin(desk)
    assert state(desk, token, NOON + 31 * SECOND) is Presence.COVERED
    with pytest.raises(visits.TabletOver):
        state(desk, token, NOON + 91 * SECOND)


def test_every_request_of_somebody_who_is_here_counts_and_none_of_a_covered_one(desk: Desk) -> None:
    token = begin(desk)
    for at in (NOON + 80 * SECOND, NOON + 160 * SECOND):
        with desk.database.writing() as session:
            tablets.touch(session, token, tablets.attendance(session, token, at=at), at=at)
    assert state(desk, token, NOON + 250 * SECOND) is Presence.HERE
    late = NOON + 251 * SECOND
    with desk.database.writing() as session:
        tablets.touch(session, token, tablets.attendance(session, token, at=late), at=late)
    assert state(desk, token, late) is Presence.COVERED


def test_a_covered_page_opens_nothing_and_the_birth_date_alone_resumes(desk: Desk) -> None:
    token, at = begin(desk), NOON + 100 * SECOND
    with desk.database.reading() as session, pytest.raises(visits.TabletCovered):
        visit_pages.welcome(session, token, at=at)
    with desk.database.writing() as session:
        visits.count_resumption(session, token, at=at)
    with desk.database.writing() as session:
        renewed = visits.resume(session, token, BIRTH_DATE, at=at).token
    assert renewed not in {None, token}
    assert state(desk, renewed, at) is Presence.HERE
    with pytest.raises(visits.TabletOver):
        state(desk, token, at)


def test_after_the_end_the_birth_date_resumes_nothing(desk: Desk) -> None:
    token = begin(desk)
    with desk.database.writing() as session, pytest.raises(visits.TabletOver):
        visits.count_resumption(session, token, at=NOON + 400 * SECOND)


def test_the_cover_is_there_from_the_moment_it_is_shown(desk: Desk) -> None:
    token = begin(desk)
    with desk.database.writing() as session:
        now = tablets.attendance(session, token, at=NOON + SECOND)
        tablets.cover(session, token, now, at=NOON + SECOND)
        assert tablets.seconds_left(session, token, now, at=NOON + SECOND) == 299
    assert state(desk, token, NOON + SECOND) is Presence.COVERED


def test_an_answer_that_was_on_its_way_is_stored_and_does_not_uncover(desk: Desk) -> None:
    token = begin(desk)
    with desk.database.writing() as session:
        answering.start(session, token, at=NOON)
        step = visit_pages.step(session, token, 1, 1, at=NOON)
    late = NOON + 100 * SECOND
    with desk.database.writing() as session:
        answering.save(session, token, 1, Posted(step.item.id, 1, step.sequence), at=late)
        assert session.scalars(select(answering.Response.value)).all() == [1]
    assert state(desk, token, late) is Presence.COVERED
    with desk.database.writing() as session, pytest.raises(visits.TabletOver):
        answering.save(session, token, 1, Posted(step.item.id, 2, 1), at=NOON + 400 * SECOND)


def test_the_next_patient_ends_the_session_before_on_this_tablet_alone(desk: Desk) -> None:
    first = begin(desk)
    on_second = begin(desk, desk.second)
    again = begin(desk)
    assert state(desk, on_second, NOON) is state(desk, again, NOON) is Presence.HERE
    with pytest.raises(visits.TabletOver):
        state(desk, first, NOON)


def test_a_link_s_session_is_no_tablet_s(desk: Desk) -> None:
    with desk.database.writing() as session:
        public_id = session.scalars(select(Course.public_id).order_by(Course.id)).first()
        token = people.answer_part(session, public_id, desk.team.bob, 0)
        with pytest.raises(visits.TabletOver):
            tablets.attendance(session, token, at=NOON)
        assert visits.of_session(session, token, at=NOON + 20 * MINUTE).mode == "own_device"


def test_somebody_else_stands_there(desk: Desk) -> None:
    kiosk.start_on(desk.database, desk.assessment, desk.first, desk.team.cora)
    with desk.database.writing() as session:
        tablet_entry.cancel(session, desk.first.where(), at=NOON)
    assert not desk.first.waits()


def test_a_tablet_that_left_kiosk_mode_needs_a_new_set_up_link(desk: Desk) -> None:
    with desk.database.writing() as session:
        kiosks.leave(session, desk.first.device(), by=desk.team.cora, at=NOON)
        assert kiosks.of_credential(session, desk.first.credential, at=NOON) is None
        row = session.scalars(
            select(DeviceRow).where(DeviceRow.name == "Tablet 1", DeviceRow.clinic_id == desk.team.ada.clinic.id)
        ).one()
        assert row.revoked_at is None
