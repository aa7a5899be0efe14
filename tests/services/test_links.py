"""Links as they are met in mailboxes: read by scanners, forwarded, replaced, opened too late; and the opting out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import select, update

from prom_server.core.tokens import hash_token
from prom_server.services import enrolment, invitations, links, opting_out, visits
from prom_server.store.assessments import Assessment
from prom_server.store.audit import AuditEntry
from prom_server.store.base import Base
from prom_server.store.database import Database
from prom_server.store.invitations import Invitation, PatientSession
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic
from tests.support.browsing import Browser, application
from tests.support.clinic import BIRTH_DATE, NOON, TYPED_DATE

WRONG = date(1968, 3, 21)
DAYS = timedelta(days=1)


@dataclass
class Course:
    """Alice's course with a link to its baseline, which closes on the day of the first infusion."""

    database: Database
    team: Cast
    id: str
    link: str

    def assessment(self, time_point: str) -> str:
        with self.database.reading() as session:
            return clinic.assessment_of(session, self.id, time_point)

    def issue(self, time_point: str = "baseline", *, at: datetime = NOON) -> str:
        with self.database.writing() as session:
            assessment = clinic.assessment_of(session, self.id, time_point)
            return invitations.issue(session, assessment, by=self.team.cora, at=at).token

    def change(self, time_point: str, **facts: object) -> None:
        with self.database.writing() as session:
            mine = Assessment.public_id == clinic.assessment_of(session, self.id, time_point)
            session.execute(update(Assessment).where(mine).values(**facts))

    def add(self, time_point: str, *, due_on: date) -> None:
        """One more assessment that is open now."""
        with self.database.writing() as session:
            like = session.scalars(
                select(Assessment).where(
                    Assessment.public_id == clinic.assessment_of(session, self.id, "last-infusion")
                )
            ).one()
            days = {"opens_on": NOON.date(), "due_on": due_on, "overdue_on": due_on, "closes_on": like.closes_on}
            ids = {"clinic_id": like.clinic_id, "patient_id": like.patient_id, "course_id": like.course_id}
            session.add(Assessment(time_point=time_point, **ids, **days))

    def opened_by(self, link: str, *, at: datetime) -> tuple[str, str | None]:
        """The time point that the birth date opens by this link, and the link that its session belongs to."""
        with self.database.writing() as session:
            visits.count_attempt(session, link, at=at)
            token = visits.identify(session, link, BIRTH_DATE, at=at).token
            assert token is not None
            return session.execute(
                select(Assessment.time_point, Invitation.token_hash)
                .join(PatientSession, PatientSession.assessment_id == Assessment.id)
                .join(Invitation, Invitation.id == PatientSession.invitation_id)
                .where(PatientSession.token_hash == hash_token(token))
            ).one()

    def refusal(self, link: str, *, at: datetime) -> str:
        with pytest.raises(links.LinkRefused) as refused, self.database.reading() as session:
            visits.look_at_link(session, link, at=at)
        assert refused.value.clinic.phone == "(303) 555-0142"
        return type(refused.value).__name__


@pytest.fixture
def course(database: Database) -> Course:
    clinic.bind_definitions()
    with database.writing() as session:
        team = people.cast(session)
        id_ = people.start(session, team, starts_on=NOON.date() + DAYS)
        link = invitations.issue(session, clinic.assessment_of(session, id_, "baseline"), by=team.cora, at=NOON).token
    return Course(database, team, id_, link)


# ---- Forwarded


def test_a_replaced_link_opens_what_the_newer_one_opens(course: Course) -> None:
    newer = course.issue()
    at = NOON + timedelta(hours=3)
    assert course.opened_by(course.link, at=at) == ("baseline", hash_token(newer))


@pytest.mark.parametrize("end", ["completed_at", "cancelled_at", "closed_at"])
def test_a_link_whose_assessment_is_over_leads_to_the_current_one(course: Course, end: str) -> None:
    course.change("baseline", **{end: NOON})
    last = course.issue("last-infusion")
    at = NOON + 6 * DAYS  # the last infusion's day
    assert course.opened_by(course.link, at=at) == ("last-infusion", hash_token(last))


def test_without_a_link_of_its_own_the_current_assessment_is_still_reached(course: Course) -> None:
    course.change("baseline", completed_at=NOON)
    assert course.opened_by(course.link, at=NOON + 6 * DAYS) == ("last-infusion", hash_token(course.link))


def test_a_link_that_nothing_is_wrong_with_leads_to_its_own_assessment(course: Course) -> None:
    """Also where another one is due before it."""
    course.change("last-infusion", opens_on=NOON.date(), due_on=NOON.date())
    assert course.opened_by(course.link, at=NOON)[0] == "baseline"


def test_a_replaced_link_prefers_its_own_assessment(course: Course) -> None:
    course.change("last-infusion", opens_on=NOON.date(), due_on=NOON.date())
    course.issue()
    assert course.opened_by(course.link, at=NOON)[0] == "baseline"


def test_of_several_the_one_due_first(course: Course) -> None:
    course.change("baseline", cancelled_at=NOON)
    course.change("last-infusion", opens_on=NOON.date(), due_on=NOON.date() + 20 * DAYS, closes_on=date(2027, 3, 1))
    course.add("month-3", due_on=NOON.date() + 10 * DAYS)
    assert course.opened_by(course.link, at=NOON)[0] == "month-3"
    course.change("month-3", due_on=NOON.date() + 21 * DAYS)
    assert course.opened_by(course.link, at=NOON)[0] == "last-infusion"


def test_a_link_of_another_patient_s_never_leads_here(course: Course) -> None:
    course.change("baseline", completed_at=NOON)
    course.change("last-infusion", cancelled_at=NOON)
    with course.database.writing() as session:
        other = people.patient(session, course.team.bob, number="DEMO-0077")
        people.start(session, course.team, patient_id=other)
    assert course.refusal(course.link, at=NOON) == "LinkCompleted"


def test_it_leads_on_for_thirty_days(course: Course) -> None:
    course.change("baseline", cancelled_at=NOON, closes_on=date(2027, 3, 1))
    course.change("last-infusion", opens_on=NOON.date(), closes_on=date(2027, 3, 1))
    assert course.opened_by(course.link, at=NOON + 30 * DAYS)[0] == "last-infusion"
    assert course.refusal(course.link, at=NOON + 30 * DAYS + timedelta(seconds=1)) == "LinkClosed"


def test_a_replaced_link_leads_on_for_thirty_days(course: Course) -> None:
    course.change("baseline", closes_on=date(2027, 3, 1))
    newer = course.issue()
    at = NOON + 30 * DAYS + timedelta(seconds=1)
    assert course.refusal(course.link, at=at) == "LinkSuperseded"
    assert course.opened_by(newer, at=at)[0] == "baseline"


def test_the_thirty_days_begin_with_the_first_of_its_ends(course: Course) -> None:
    """A link that was replaced does not come to life again because its assessment is over later."""
    course.change("baseline", completed_at=NOON + 20 * DAYS)
    course.change("last-infusion", opens_on=NOON.date(), closes_on=date(2027, 3, 1))
    with course.database.writing() as session:
        session.execute(update(Invitation).values(superseded_at=NOON))
    assert course.opened_by(course.link, at=NOON + 29 * DAYS)[0] == "last-infusion"
    assert course.refusal(course.link, at=NOON + 31 * DAYS) == "LinkCompleted"


def test_the_window_s_last_day_ends_on_the_clinic_s_clock(course: Course) -> None:
    course.change("baseline", closes_on=NOON.date() + DAYS)
    course.change("last-infusion", opens_on=NOON.date(), closes_on=date(2027, 3, 1))
    midnight = datetime.fromisoformat("2026-11-25T00:00:00-07:00")  # after that day
    assert course.opened_by(course.link, at=midnight - timedelta(seconds=1))[0] == "baseline"
    assert course.opened_by(course.link, at=midnight)[0] == "last-infusion"
    assert course.opened_by(course.link, at=midnight + 30 * DAYS)[0] == "last-infusion"
    assert course.refusal(course.link, at=midnight + 30 * DAYS + timedelta(seconds=1)) == "LinkClosed"


def test_with_nothing_open_it_says_what_is_so(course: Course) -> None:
    course.change("baseline", cancelled_at=NOON)
    assert course.refusal(course.link, at=NOON) == "LinkClosed"
    later = course.issue("last-infusion")
    assert course.refusal(later, at=NOON) == "LinkNotOpen"
    course.issue("last-infusion")
    assert course.refusal(later, at=NOON) == "LinkSuperseded"


def test_a_link_that_opens_later_does_not_lead_elsewhere(course: Course) -> None:
    """Its reader kept it for those questions."""
    assert course.refusal(course.issue("last-infusion"), at=NOON) == "LinkNotOpen"


def test_wrong_dates_count_on_a_replaced_link_too(course: Course) -> None:
    course.issue()
    for left in (4, 3, 2, 1, 0):
        with course.database.writing() as session:
            visits.count_attempt(session, course.link, at=NOON)
        with course.database.writing() as session:
            assert visits.identify(session, course.link, WRONG, at=NOON).left == left
    with pytest.raises(visits.LinkLocked), course.database.writing() as session:
        visits.count_attempt(session, course.link, at=NOON)


def test_a_session_goes_on_after_its_link_was_replaced(course: Course) -> None:
    with course.database.writing() as session:
        visits.count_attempt(session, course.link, at=NOON)
        token = visits.identify(session, course.link, BIRTH_DATE, at=NOON).token
    assert token is not None
    course.issue()
    later = NOON + timedelta(hours=1)
    with course.database.writing() as session:
        visits.count_resumption(session, token, at=later)
        assert visits.resume(session, token, BIRTH_DATE, at=later).token is not None


# ---- Scanners


@pytest.fixture
def phone(course: Course, tmp_path: Path) -> Iterator[Browser]:
    with time_machine.travel(NOON, tick=False):
        yield Browser(application(course.database, tmp_path))


def everything(database: Database) -> list[object]:
    """But for when a link was first looked at."""
    tables = [[each for each in table.c if each.name != "opened_at"] for table in Base.metadata.sorted_tables]
    with database.reading() as session:
        return [session.execute(select(*columns)).all() for columns in tables]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("HEAD", {}),
        ("OPTIONS", {}),
        ("GET", {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"}),
    ],
    ids=["get", "head", "options", "prefetch"],
)
@pytest.mark.parametrize("path", ["", "/reminders"])
def test_a_hundred_looks_use_nothing_up(
    phone: Browser, course: Course, method: str, headers: dict[str, str], path: str
) -> None:
    before = everything(course.database)
    for _ in range(100):
        response = phone.client.open(f"/a/{course.link}{path}", method=method, headers=headers)
        assert response.status_code == 200
    assert everything(course.database) == before
    assert phone.open_link(course.link).path == "/answer"


def test_a_scanner_that_presses_the_button_uses_nothing_up(phone: Browser, course: Course) -> None:
    before = everything(course.database)
    for path in ("", "/reminders"):
        for _ in range(10):
            assert phone.get(f"/a/{course.link}{path}").submit().status == 422
    assert everything(course.database) == before


# ---- Pages


def test_no_page_of_a_link_says_whose_it_is(phone: Browser, course: Course) -> None:
    later, over = course.issue("last-infusion"), course.issue()
    seen = []
    for cancelled_at in (None, NOON - 40 * DAYS):
        course.change("baseline", cancelled_at=cancelled_at)
        for token in (course.link, over, later, "unknown"):
            seen += [phone.get(f"/a/{token}{path}").response.text for path in ("", "/reminders")]
    assert not [text for text in seen if "Alice" in text or "Specimen" in text or "1968" in text]


def test_an_unknown_link_is_met_kindly(phone: Browser) -> None:
    for path in ("/a/unknown", "/a/unknown/reminders", f"/a/{'x' * 2000}"):
        assert phone.get(path).status == 404
        assert "call the clinic that sent it" in phone.page.text


def test_a_refused_page_names_the_clinic_s_number(phone: Browser, course: Course) -> None:
    course.change("baseline", cancelled_at=NOON)
    assert phone.get(f"/a/{course.link}").status == 410
    assert "(303) 555-0142" in phone.page.text


# ---- Opting out


def off_at(database: Database) -> datetime | None:
    with database.reading() as session:
        return session.scalars(select(Patient.reminders_off_at).where(Patient.given_name == "Alice")).one()


def test_reminders_are_stopped_and_asked_for_again(phone: Browser, course: Course) -> None:
    phone.get(f"/a/{course.link}")
    assert f"/a/{course.link}/reminders" in phone.page.links
    phone.get(f"/a/{course.link}/reminders").submit(**TYPED_DATE, reminders="off")
    assert "no more reminders" in phone.page.text
    assert off_at(course.database) == NOON
    phone.get(f"/a/{course.link}/reminders").submit(**TYPED_DATE, reminders="on")
    assert "reminders again" in phone.page.text
    assert off_at(course.database) is None
    with course.database.reading() as session:
        assert [each for each in people.audited(session) if each.startswith("reminders.")] == [
            "reminders.off",
            "reminders.on",
        ]
        actors = session.scalars(select(AuditEntry.actor).where(AuditEntry.action.startswith("reminders."))).all()
        assert set(actors) == {"patient"}


def test_a_link_that_opens_nothing_stops_reminders_too(phone: Browser, course: Course) -> None:
    course.change("baseline", cancelled_at=NOON - 40 * DAYS)
    assert f"/a/{course.link}/reminders" in phone.get(f"/a/{course.link}").page.links
    phone.get(f"/a/{course.link}/reminders").submit(**TYPED_DATE, reminders="off")
    assert off_at(course.database) == NOON


def test_a_second_press_keeps_the_first_moment(course: Course) -> None:
    for hours in (0, 2):
        with course.database.writing() as session:
            at = NOON + timedelta(hours=hours)
            assert opting_out.choose(session, course.link, BIRTH_DATE, reminders=False, at=at) is None
    assert off_at(course.database) == NOON


def test_nobody_else_stops_them_and_five_wrong_dates_lock(phone: Browser, course: Course) -> None:
    for left in (4, 3, 2, 1):
        phone.get(f"/a/{course.link}/reminders").submit(**{**TYPED_DATE, "day": "13"}, reminders="off")
        assert phone.status == 422
        assert f"{left} more time" in phone.page.text
    phone.submit(**{**TYPED_DATE, "day": "13"}, reminders="off")
    assert "now locked" in phone.page.text
    assert phone.submit(**TYPED_DATE, reminders="off").status == 403
    assert off_at(course.database) is None
    with pytest.raises(visits.LinkLocked), course.database.writing() as session:
        visits.count_attempt(session, course.link, at=NOON)


def test_it_opens_no_session(phone: Browser, course: Course) -> None:
    phone.get(f"/a/{course.link}/reminders").submit(**TYPED_DATE, reminders="off")
    assert phone.get("/answer").status == 401


def test_staff_see_it_on_the_patient_s_page(course: Course) -> None:
    with course.database.writing() as session:
        opting_out.choose(session, course.link, BIRTH_DATE, reminders=False, at=NOON)
        file = enrolment.patient_file(session, course.team.alice, by=course.team.bob, at=NOON)
    assert file.reminders_off_at == NOON
