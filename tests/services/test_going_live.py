"""A clinic goes live once everything is settled, and a demo never."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from prom_server.core.accounts import StaffDetails
from prom_server.core.going_live import AlreadyLive, NotLive, NotReady
from prom_server.core.permissions import Role
from prom_server.core.refusals import NotAllowed
from prom_server.core.settings_change import Section
from prom_server.services import accounts, clinic_settings, clinics, going_live, staff_changes, staffing
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic, OnCall
from prom_server.store.database import Database
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.clinic import NOON

SENDS = {"email"}


def settled(session, *, demo: bool = False) -> Cast:
    """A clinic with all that going live needs."""
    team = people.cast(session, demo=demo)
    people.set_password(session, team.bob, by=team.ada)
    hours = clinic_settings.opening(session, by=team.ada).weekly
    clinic_settings.change_hours(session, hours, seen=None, by=team.ada, at=NOON)
    change(session, team, Section.MESSAGES, sender_name="Harbour Street")
    change(session, team, Section.ALERTS, closed_hours="next_opening", closed_hours_person="Dr. Bob")
    change(session, team, Section.PROTOCOLS, protocols=[clinic.FREE])
    told = StaffDetails("Bob", Role.CLINICIAN, "email")
    staff_changes.change_person(session, team.bob.public_id, told, seen=None, by=team.ada, at=NOON)
    return team


def change(session, team: Cast, section: Section, **new: object) -> None:
    clinic_settings.change(session, section, new, seen=None, by=team.ada, at=NOON)


def missing(session, team: Cast, *, at=NOON) -> list[str]:
    view = going_live.readiness(session, sends=SENDS, by=team.ada, at=at)
    return [line.requirement for line in view.lines if not line.met]


def test_live_and_back_to_trial(database: Database) -> None:
    with database.writing() as session:
        team = settled(session)
        with pytest.raises(NotReady) as refused:
            going_live.go_live(session, sends=set(), by=team.ada, at=NOON)
        assert [line.requirement for line in refused.value.lines] == ["sending"]
        with pytest.raises(NotLive):
            going_live.back_to_trial(session, "why not", by=team.ada, at=NOON)
        with pytest.raises(NotAllowed):
            going_live.go_live(session, sends=SENDS, by=team.bob, at=NOON)
        going_live.go_live(session, sends=SENDS, by=team.ada, at=NOON)
        with pytest.raises(AlreadyLive):
            going_live.go_live(session, sends=SENDS, by=team.ada, at=NOON)
    with database.writing() as session:
        view = going_live.readiness(session, sends=SENDS, by=team.ada, at=NOON)
        assert (view.live_at, view.live_by, view.ready) == (NOON, "Ada Example", True)
        assert staffing.find_clinic(session, team.ada.clinic.public_id).live
        assert session.get_one(Clinic, team.charlie.clinic.id).live_at is None
        going_live.back_to_trial(session, "It was\ntoo early.", by=team.ada, at=NOON + timedelta(days=1))
        assert not staffing.find_clinic(session, team.ada.clinic.public_id).live
        lines = session.scalars(select(AuditEntry.detail).where(AuditEntry.action.like("clinic.%_trial"))).all()
    assert lines == [f"live_at: {NOON.isoformat()} -> None\nreason: It was / too early."]


def test_a_demo_clinic_never_goes_live(database: Database) -> None:
    with database.writing() as session:
        team = settled(session, demo=True)
        assert missing(session, team) == ["real"]
        with pytest.raises(NotReady):
            going_live.go_live(session, sends=SENDS, by=team.ada, at=NOON)


def test_permissions_and_wordings_of_protocols_that_are_meant_or_have_courses(database: Database) -> None:
    with database.writing() as session:
        team = settled(session)
        change(session, team, Section.PROTOCOLS, protocols=[clinic.DEFAULT])
        assert missing(session, team) == ["permissions", "wordings"]
        clinics.record_permission(session, "promis", "A. Person", NOON.date(), "L-1", by=team.ada, at=NOON)
        lines = going_live.readiness(session, sends=SENDS, by=team.ada, at=NOON).lines
        assert {line.requirement: line.names for line in lines if not line.met} == {
            "permissions": ("pcs",),
            "wordings": ("PCS",),
        }
        change(session, team, Section.PROTOCOLS, protocols=None)
        assert missing(session, team) == ["protocols"]
        people.start(session, team)
        assert missing(session, team) == []


def test_on_call_is_a_person_who_is_told_now_or_later(database: Database) -> None:
    with database.writing() as session:
        team = settled(session)
        change(session, team, Section.ALERTS, closed_hours="on_call")
        assert missing(session, team) == ["closed_hours"]
        turn = {"begins_at": NOON, "until": NOON + timedelta(days=2)}
        session.add(OnCall(clinic_id=team.cora.clinic.id, staff_id=team.cora.id, **turn))
        session.flush()
        assert missing(session, team) == ["closed_hours"]  # nobody tells Cora
        session.add(OnCall(clinic_id=team.bob.clinic.id, staff_id=team.bob.id, **turn))
        session.flush()
        assert missing(session, team) == []
        assert missing(session, team, at=NOON + timedelta(days=3)) == ["closed_hours"]


def test_a_clinician_who_cannot_sign_in_is_nobody_who_is_told(database: Database) -> None:
    with database.writing() as session:
        team = settled(session)
        staffing.deactivate(session, team.bob.public_id, by=team.ada, at=NOON)
        staffing.reactivate(session, team.bob.public_id, by=team.ada, at=NOON)  # without a password yet
        assert missing(session, team) == ["alerted", "sending"]


def test_who_sees_alerts_is_told_what_a_live_clinic_has_lost(database: Database) -> None:
    with database.writing() as session:
        team = settled(session)

        def lost(*, sends=SENDS) -> list[str]:
            row = session.get_one(Staff, team.bob.id)
            bob = accounts.member(row, session.get_one(Clinic, team.bob.clinic.id))
            return [line.requirement for line in going_live.lost(session, sends=sends, by=bob, at=NOON)]

        assert lost(sends=set()) == []  # in trial nothing is expected
        going_live.go_live(session, sends=SENDS, by=team.ada, at=NOON)
        assert lost() == []
        assert lost(sends={"sms"}) == ["sending"]
        change(session, team, Section.ALERTS, closed_hours="on_call")  # and nobody is
        assert lost() == ["closed_hours"]
        nobody = StaffDetails("Bob", Role.CLINICIAN)
        staff_changes.change_person(session, team.bob.public_id, nobody, seen=None, by=team.ada, at=NOON)
        assert lost() == ["alerted", "closed_hours", "sending"]
        with pytest.raises(NotAllowed):
            going_live.lost(session, sends=SENDS, by=team.ada, at=NOON)
