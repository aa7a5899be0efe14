"""Settings: each change with its old and its new value in the audit, for one's own clinic, and never over another's."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from threading import Barrier, Thread
from time import sleep

import pytest
from sqlalchemy import select

from prom_server.core.accounts import (
    LastAdministrator,
    MobileNeeded,
    NoAlertsForAdministrators,
    OwnAccount,
    StaffDetails,
    UnknownTimeZone,
)
from prom_server.core.clinics import (
    AlreadyClosed,
    ClosedHoursNeeded,
    PersonNeeded,
    ReminderInQuietHours,
    TellingName,
    UnknownProtocol,
)
from prom_server.core.permissions import Role, StaffMember
from prom_server.core.refusals import NotAllowed, NotFound, Refused
from prom_server.core.settings_change import Section, SettingsChanged, fingerprint
from prom_server.services import accounts, clinic_settings, clinics, finding, opening, staff_changes, staffing
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON
from tests.support.databases import only_postgresql

WEEK = {0: (("08:00", "12:00"), ("13:00", "17:00")), 2: (("09:00", "24:00"),)}


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


def change(database: Database, by, section: Section, *, seen: str | None = None, at=NOON, **new: object) -> None:
    with database.writing() as session:
        clinic_settings.change(session, section, new, seen=seen, by=by, at=at)


def details(database: Database, action: str) -> list[str | None]:
    with database.reading() as session:
        return list(
            session.scalars(select(AuditEntry.detail).where(AuditEntry.action == action).order_by(AuditEntry.id))
        )


def row(database: Database, by) -> Clinic:
    with database.reading() as session:
        return session.get_one(Clinic, by.clinic.id)


def test_a_change_tells_its_old_and_its_new_value_and_touches_one_clinic(database: Database, team: Cast) -> None:
    change(database, team.ada, Section.CLINIC, phone="1 23456", paper="letter")
    assert details(database, "clinic.change") == ["phone: (303) 555-0142 -> 1 23456"]
    assert (row(database, team.ada).phone, row(database, team.charlie).phone) == ("1 23456", "(303) 555-0142")
    change(database, team.ada, Section.CLINIC, phone="1 23456")  # a second press says nothing new
    assert len(details(database, "clinic.change")) == 1
    for nobody in (team.bob, team.cora):
        with pytest.raises(NotAllowed):
            change(database, nobody, Section.CLINIC, phone="2 34567")


def test_a_choice_for_closed_hours_keeps_its_moment(database: Database, team: Cast) -> None:
    change(database, team.ada, Section.ALERTS, closed_hours="next_opening", closed_hours_person="Dr. Bob")
    change(database, team.ada, Section.ALERTS, alert_home_minutes=30, at=NOON + timedelta(days=3))
    assert row(database, team.ada).closed_hours_at == NOON
    change(database, team.ada, Section.ALERTS, closed_hours="on_call", at=NOON + timedelta(days=4))
    assert row(database, team.ada).closed_hours_at == NOON + timedelta(days=4)


@pytest.mark.parametrize(
    ("section", "new", "refusal"),
    [
        (Section.CLINIC, {"time_zone": "Mars/Olympus"}, UnknownTimeZone),
        (Section.ALERTS, {"closed_hours": "next_opening"}, PersonNeeded),
        (Section.MESSAGES, {"sender_name": "Pain Clinic"}, TellingName),
        (Section.MESSAGES, {"reply_to": "front@ketamine.example.org"}, TellingName),
        (Section.MESSAGES, {"quiet_to": "09:30"}, ReminderInQuietHours),
        (Section.PROTOCOLS, {"protocols": ["none"]}, UnknownProtocol),
    ],
)
def test_what_makes_no_sense_is_refused_whole(
    database: Database, team: Cast, section: Section, new: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        change(database, team.ada, section, **new)
    assert details(database, "clinic.change") == []


def test_what_a_live_clinic_sends_from_never_tells(database: Database, team: Cast) -> None:
    telling = "Harbour Ketamine Clinic"
    change(database, team.ada, Section.CLINIC, name=telling)  # in trial: the page says it
    change(database, team.ada, Section.MESSAGES, sender_name="Harbour Street")
    _live(database, team)
    with pytest.raises(TellingName) as refused:
        change(database, team.ada, Section.MESSAGES, sender_name=None)
    assert refused.value.field == "sender_name"
    change(database, team.ada, Section.CLINIC, name=f"{telling} 2")  # another name is sent
    change(database, team.ada, Section.CLINIC, name="Harbour")
    change(database, team.ada, Section.MESSAGES, sender_name=None)
    with pytest.raises(TellingName) as refused:
        change(database, team.ada, Section.CLINIC, name=telling)
    assert refused.value.field == "name"
    assert row(database, team.ada).name == "Harbour"


def _live(database: Database, team: Cast) -> None:
    with database.writing() as session:
        session.get_one(Clinic, team.ada.clinic.id).live_at = NOON


def test_a_live_clinic_keeps_its_choice_for_closed_hours(database: Database, team: Cast) -> None:
    change(database, team.ada, Section.ALERTS, alert_home_minutes=30)  # in trial the choice may wait
    change(database, team.ada, Section.ALERTS, closed_hours="on_call")
    _live(database, team)
    with pytest.raises(ClosedHoursNeeded):
        change(database, team.ada, Section.ALERTS, closed_hours=None)
    assert row(database, team.ada).closed_hours == "on_call"


def test_the_later_of_two_is_shown_what_the_first_left(database: Database, team: Cast) -> None:
    with database.reading() as session:
        seen = fingerprint(clinic_settings.stored(session, Section.CLINIC, by=team.ada))
    change(database, team.ada, Section.CLINIC, seen=seen, phone="1 23456")
    with pytest.raises(SettingsChanged) as refused:
        change(database, team.ada, Section.CLINIC, seen=seen, hours="mornings")
    assert refused.value.stored["phone"] == "1 23456"
    change(database, team.ada, Section.MESSAGES, seen=None, reminders_at="10:00")  # another page is not in the way
    change(database, team.ada, Section.CLINIC, seen=fingerprint(refused.value.stored), hours="mornings")
    assert (row(database, team.ada).phone, row(database, team.ada).hours) == ("1 23456", "mornings")


def at_once(*acts: Callable[[], None]) -> list[str]:
    """How each ended, all at the same moment over connections of their own."""
    ended, start = [], Barrier(len(acts))

    def run(act: Callable[[], None]) -> None:
        start.wait()
        try:
            act()
            ended.append("done")
        except Refused as refusal:
            ended.append(type(refusal).__name__)

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sorted(ended)


def test_of_two_at_the_same_moment_one_is_told(database: Database, team: Cast) -> None:
    for number in range(5):
        with database.reading() as session:
            seen = fingerprint(clinic_settings.stored(session, Section.CLINIC, by=team.ada))
        phones = [f"{number} {which} 23456" for which in range(2)]
        acts = [partial(change, database, team.ada, Section.CLINIC, seen=seen, phone=each) for each in phones]
        assert at_once(*acts) == ["SettingsChanged", "done"]
    assert len(details(database, "clinic.change")) == 5


def test_opening_hours_are_recorded_also_where_they_are_the_assumed_ones(database: Database, team: Cast) -> None:
    with database.writing() as session:
        view = clinic_settings.opening(session, by=team.ada)
        assert (view.recorded, view.weekly[0]) == (False, (("08:00", "17:00"),))
        clinic_settings.change_hours(session, view.weekly, seen=view.seen, by=team.ada, at=NOON)
        assert clinic_settings.opening(session, by=team.ada).recorded
        assert not clinic_settings.opening(session, by=_administrator(session, team)).recorded
    with database.writing() as session:
        with pytest.raises(SettingsChanged):
            clinic_settings.change_hours(session, WEEK, seen=view.seen, by=team.ada, at=NOON)
        now = clinic_settings.opening(session, by=team.ada)
        clinic_settings.change_hours(session, WEEK, seen=now.seen, by=team.ada, at=NOON)
        assert opening.hours(session, team.ada.clinic.id, "UTC").weekly == WEEK
    assert details(database, "clinic.opening")[1].splitlines()[:3] == [
        "weekday 0: 08:00-17:00 -> 08:00-12:00, 13:00-17:00",
        "weekday 1: 08:00-17:00 -> closed",
        "weekday 2: 08:00-17:00 -> 09:00-24:00",
    ]


def _administrator(session, team: Cast):
    """Of the other clinic."""
    theirs = session.get_one(Clinic, team.charlie.clinic.id)
    return clinic.member(session, theirs, Role.ADMINISTRATOR, "Dee Elsewhere")


def test_closed_days(database: Database, team: Cast) -> None:
    holiday = date(2026, 12, 25)
    with database.writing() as session:
        clinic_settings.add_closed_day(session, holiday, "Christmas", by=team.ada, at=NOON)
        with pytest.raises(AlreadyClosed):
            clinic_settings.add_closed_day(session, holiday, "Again", by=team.ada, at=NOON)
        with pytest.raises(NotFound):
            clinic_settings.remove_closed_day(session, holiday, by=_administrator(session, team), at=NOON)
        assert not opening.hours(session, team.ada.clinic.id, "UTC").is_opening_day(holiday)
        clinic_settings.remove_closed_day(session, holiday, by=team.ada, at=NOON)
        assert clinic_settings.opening(session, by=team.ada).closed == ()
    assert details(database, "clinic.closed_day") == [
        "2026-12-25: open -> closed, Christmas",
        "2026-12-25: closed, Christmas -> open",
    ]


def test_permissions_keep_every_version_and_nobody_s_is_lost(database: Database, team: Cast) -> None:
    with database.writing() as session:
        seen = clinics.licences(session, by=team.ada).seen
        clinics.record_permission(session, "promis", "A", NOON.date(), "L-1", seen=seen, by=team.ada, at=NOON)
        with pytest.raises(SettingsChanged):
            clinics.record_permission(session, "promis", "B", NOON.date(), "L-2", seen=seen, by=team.ada, at=NOON)
        seen = clinics.licences(session, by=team.ada).seen
        clinics.record_permission(session, "promis", "B", NOON.date(), "L-2", seen=seen, by=team.ada, at=NOON)
    assert details(database, "permission.record") == [
        "promis: None -> A, 2026-11-23, L-1",
        "promis: A, 2026-11-23, L-1 -> B, 2026-11-23, L-2",
    ]


# ---- Staff


def change_person(database: Database, who, new: StaffDetails, *, seen: str | None = None, by) -> None:
    with database.writing() as session:
        staff_changes.change_person(session, who.public_id, new, seen=seen, by=by, at=NOON)


def test_a_person_is_changed_with_old_and_new_value(database: Database, team: Cast) -> None:
    with database.reading() as session:
        file = staff_changes.person(session, team.bob.public_id, by=team.ada, at=NOON)
    change_person(database, team.bob, StaffDetails("Bob B.", Role.CLINICIAN, "sms", "303 555 0142"), by=team.ada)
    assert details(database, "staff.change") == [
        "name: Bob Example -> Bob B.\nalerts_by: None -> sms\nmobile: None -> +13035550142"
    ]
    with pytest.raises(SettingsChanged):
        change_person(database, team.bob, StaffDetails("Robert", Role.CLINICIAN), seen=file.seen, by=team.ada)
    with database.writing() as session:
        una = clinic.member(session, session.get_one(Clinic, team.ada.clinic.id), name="Una Unset")
    change_person(database, una, StaffDetails("Una", Role.CLINICIAN, "email"), by=team.ada)
    with database.writing() as session:
        assert staff_changes.person(session, team.bob.public_id, by=team.ada, at=NOON).only_clinician_told
        people.set_password(session, una, by=team.ada)
        assert not staff_changes.person(session, team.bob.public_id, by=team.ada, at=NOON).only_clinician_told


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (StaffDetails("Bob", Role.CLINICIAN, "sms"), MobileNeeded),
        (StaffDetails("Bob", Role.ADMINISTRATOR, "email"), NoAlertsForAdministrators),
    ],
)
def test_nobody_is_told_of_alerts_in_vain(
    database: Database, team: Cast, new: StaffDetails, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        change_person(database, team.bob, new, by=team.ada)


def test_the_last_active_administrator_is_neither_demoted_nor_deactivated(database: Database, team: Cast) -> None:
    with pytest.raises(OwnAccount):
        change_person(database, team.ada, StaffDetails("Ada", Role.CLINICIAN), by=team.ada)
    change_person(database, team.ada, StaffDetails("Ada E.", Role.ADMINISTRATOR), by=team.ada)  # the name is one's own
    dan = _second(database, team)
    with database.writing() as session:
        _administrator(session, team)  # of another clinic: no help
        clinic.member(session, session.get_one(Clinic, team.ada.clinic.id), Role.ADMINISTRATOR, "Eve Unset")
    with pytest.raises(LastAdministrator):  # Eve has no password yet, and neither has Ada
        change_person(database, dan, StaffDetails("Dan", Role.CLINICIAN), by=team.ada)
    with database.writing() as session:
        people.set_password(session, team.ada, by=team.ada)
    change_person(database, dan, StaffDetails("Dan", Role.CLINICIAN), by=team.ada)
    change_person(database, dan, StaffDetails("Dan", Role.ADMINISTRATOR), by=team.ada)
    change_person(database, team.ada, StaffDetails("Ada", Role.CLINICIAN), by=dan)
    with database.writing() as session:
        ada = accounts.member(session.get_one(Staff, team.ada.id), session.get_one(Clinic, team.ada.clinic.id))
        assert ada.role is Role.CLINICIAN
        with pytest.raises(LastAdministrator):
            staffing.deactivate(session, dan.public_id, by=team.ada, at=NOON)  # as the page of before still thinks


def test_two_administrators_who_remove_each_other_leave_one(database: Database, team: Cast) -> None:
    dan = _second(database, team)
    with database.writing() as session:
        people.set_password(session, team.ada, by=team.ada)

    def deactivate(who, by) -> None:
        with database.writing() as session:
            staffing.deactivate(session, who.public_id, by=by, at=NOON)

    assert at_once(partial(deactivate, dan, team.ada), partial(deactivate, team.ada, dan)) == [
        "LastAdministrator",
        "done",
    ]


def _second(database: Database, team: Cast) -> StaffMember:
    """Another administrator, who can sign in."""
    with database.writing() as session:
        dan = clinic.member(session, session.get_one(Clinic, team.ada.clinic.id), Role.ADMINISTRATOR, "Dan Second")
        people.set_password(session, dan, by=team.ada)
    return dan


def test_reactivating_an_active_account_takes_no_password_away(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.set_password(session, team.ada, by=team.ada)
        staffing.reactivate(session, team.ada.public_id, by=team.ada, at=NOON)
        assert session.get_one(Staff, team.ada.id).password_hash is not None


@only_postgresql
def test_a_change_of_a_person_does_not_hold_up_what_that_person_saves(database: Database, team: Cast) -> None:
    """Ada has the clinic, Dan wants it to demote her, and her save ends with an audit line that refers to her."""
    dan = _second(database, team)
    other = Thread(
        target=change_person, args=(database, team.ada, StaffDetails("Ada", Role.CLINICIAN)), kwargs={"by": dan}
    )
    with database.writing() as session:
        finding.locked_clinic(session, by=team.ada)
        other.start()
        sleep(0.3)  # until Dan waits
        clinic_settings.change(session, Section.CLINIC, {"phone": "1 23456"}, seen=None, by=team.ada, at=NOON)
    other.join()
    assert (len(details(database, "clinic.change")), len(details(database, "staff.change"))) == (1, 1)


def test_only_one_s_own_clinic(database: Database, team: Cast) -> None:
    with pytest.raises(NotFound):
        change_person(database, team.charlie, StaffDetails("C", Role.CLINICIAN), by=team.ada)
    with pytest.raises(NotAllowed):
        change_person(database, team.cora, StaffDetails("C", Role.CLINICIAN), by=team.bob)
