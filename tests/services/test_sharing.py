"""Results for the patient: off until the clinic turns them on, and never before a clinician shared them."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from prom_server.core.permissions import Role, StaffMember
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.sharing import AlertStillOpen, NothingToShare, ResultsNotShown, ResultsView, ScoredMeanwhile
from prom_server.services import answering, catalogue, reopening, scores, sharing, visit_pages, visits
from prom_server.services.answering import Posted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment, RecordedScore
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON

LATER = NOON + timedelta(hours=1)
EIGHT = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]  # PHQ-9: 8 of 27, and nothing in item 9
PRORATED: list[int | None] = [*[1] * 7, None, 0, 0]


@dataclass
class Sharing:
    """Bob, his clinic, and Alice with a link."""

    database: Database
    by: StaffMember
    alice: clinic.Invited

    def turn(self, *, on: bool) -> None:
        with self.database.writing() as session:
            session.execute(update(Clinic).values(results_shown=on))
        self.by = replace(self.by, clinic=replace(self.by.clinic, results_shown=on))

    def send(self, values: list[int | None]) -> None:
        """Alice answers the PHQ-9 and sends it."""
        with self.database.writing() as session:
            visits.count_attempt(session, self.alice.token, at=NOON)
            token = visits.identify(session, self.alice.token, BIRTH_DATE, at=NOON).token
            assert token is not None
            answering.start(session, token, at=NOON)
            for number, value in enumerate(values, 1):
                step = visit_pages.step(session, token, 1, number, at=NOON)
                answering.save(session, token, 1, Posted(step.item.id, value, step.sequence), at=NOON)
            answering.submit(session, token, 1, at=NOON)

    def ask_again(self) -> None:
        with self.database.writing() as session:
            part = session.scalars(select(Administration.public_id).where(Administration.position == 1)).one()
            reopening.ask_again(session, part, by=self.by, at=LATER)

    def send_anew(self, *, at: datetime) -> None:
        """Other scores in place of those that were stored."""
        with self.database.writing() as session:
            row = session.scalars(select(Administration).where(Administration.position == 1)).one()
            instrument = catalogue.instrument("phq-9")
            answers = dict.fromkeys((each.id for each in instrument.scored_items), 1)
            scores.record(session, scores.Scored(row.id, row.sequence), instrument, answers, at=at)

    def share(self, by: StaffMember | None = None, *, at: datetime = LATER, seen: int | None = None) -> None:
        """By default what the page shows now."""
        with self.database.writing() as session:
            seen = session.scalar(select(func.max(RecordedScore.id))) or 0 if seen is None else seen
            sharing.share(session, self.alice.assessment, seen=seen, by=by or self.by, at=at)

    def read(self, born: date = BIRTH_DATE, *, at: datetime = LATER) -> ResultsView | int:
        with self.database.writing() as session:
            sharing.count_attempt(session, self.alice.token, at=at)
        with self.database.writing() as session:
            return sharing.read(session, self.alice.token, born, at=at)

    def shown(self, *, at: datetime = LATER) -> list[tuple[str, str | None, str | None, bool]]:
        view = self.read(at=at)
        assert isinstance(view, ResultsView)
        return [(each.title, each.band, each.value, each.estimated) for one in view.assessments for each in one.results]

    def lines(self) -> list[tuple[str, datetime | None, bool]]:
        with self.database.reading() as session:
            lines = sharing.shareable(session, self.alice.patient, by=self.by)
        return [(line.name, line.shared_at, line.changed) for line in lines]


@pytest.fixture
def results(database: Database) -> Sharing:
    clinic.bind_definitions()
    with database.writing() as session:
        by = clinic.member(session, clinic.clinic(session))
        alice = clinic.invited(session, by)
    made = Sharing(database, by, alice)
    made.turn(on=True)
    return made


MILD = [("Feelings", "mild", "8", False)]


def test_it_is_off_by_default(results: Sharing) -> None:
    results.turn(on=False)
    results.send(EIGHT)
    with pytest.raises(ResultsNotShown):
        results.share()
    with pytest.raises(NotFound):
        results.read()
    assert results.lines() == []
    with results.database.writing() as session:
        assert clinic.clinic(session, name="Another").results_shown is False


def test_nothing_is_shown_before_a_clinician_shared_it(results: Sharing) -> None:
    results.send(EIGHT)
    assert results.shown() == []
    assert results.lines() == [("Baseline", None, False)]
    results.share()
    assert results.shown() == MILD
    assert results.lines() == [("Baseline", LATER, False)]
    with results.database.writing() as session:
        sharing.take_back(session, results.alice.assessment, by=results.by, at=LATER)
    assert results.shown() == []
    with results.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        told = [each for each in actions if each.startswith("results.")]
        assert told == ["results.view", "results.share", "results.view", "results.take_back", "results.view"]


def test_a_wrong_birth_date_shows_nothing_and_is_counted(results: Sharing) -> None:
    results.send(EIGHT)
    results.share()
    assert [results.read(date(1968, 3, 13)) for _ in range(5)] == [4, 3, 2, 1, 0]
    with pytest.raises(visits.LinkLocked):
        results.read()


def test_only_a_clinician_of_the_clinic_shares(results: Sharing) -> None:
    results.send(EIGHT)
    with results.database.writing() as session:
        row = session.scalars(select(Clinic)).one()
        cora = clinic.member(session, row, Role.COORDINATOR, "Cora Example")
        charlie = clinic.member(session, clinic.clinic(session, name="Hilltop Clinic"), name="Charlie Elsewhere")
    for who, refusal in ((cora, NotAllowed), (charlie, NotFound)):
        with pytest.raises(refusal):
            results.share(who)
    assert results.shown() == []


def test_what_was_not_sent_or_has_an_open_alert_is_not_shared(results: Sharing) -> None:
    with pytest.raises(NothingToShare):
        results.share()
    results.send([1, 1, 1, 1, 1, 1, 1, 0, 1, 0])
    with pytest.raises(AlertStillOpen):
        results.share()
    with results.database.writing() as session:
        session.execute(update(Alert).values(resolved_at=LATER))
    results.share()
    assert results.shown() == MILD
    with results.database.writing() as session:
        session.execute(update(Alert).values(resolved_at=None))  # the patient asks to be called
    assert results.shown() == []


def test_a_score_that_came_later_waits_until_it_is_shared_again(results: Sharing) -> None:
    """As of a part that was asked again, or scored again: what was shared is what somebody had looked at."""
    results.send(EIGHT)
    results.share()
    results.send_anew(at=LATER + timedelta(minutes=2))
    assert results.shown() == []
    assert results.lines() == [("Baseline", LATER, True)]
    results.share(at=LATER + timedelta(minutes=3))
    assert results.shown() == [("Feelings", "mild", "9", False)]
    assert results.lines() == [("Baseline", LATER + timedelta(minutes=3), False)]


def test_a_score_that_waited_for_the_sharing_is_later_whatever_the_clock_said(results: Sharing) -> None:
    """Its request came before the clinician pressed, and was stored after."""
    results.send(EIGHT)
    results.share()
    results.send_anew(at=NOON)
    assert results.shown() == []
    assert results.lines() == [("Baseline", LATER, True)]


def test_what_is_asked_again_stays_shared_until_it_is_sent_once_more(results: Sharing) -> None:
    results.send(PRORATED)
    results.share()
    results.ask_again()
    assert results.shown() == [("Feelings", "mild", "8", True)]
    assert results.lines() == [("Baseline", LATER, False)]


def test_a_score_that_the_page_did_not_show_yet_is_not_shared_unseen(results: Sharing) -> None:
    """A page that stood open while the patient sent one more part."""
    results.send(EIGHT)
    with results.database.reading() as session:
        (line,) = sharing.shareable(session, results.alice.patient, by=results.by)
    with pytest.raises(ScoredMeanwhile):
        results.share(seen=line.last_score - 1)
    assert results.shown() == []
    results.share(seen=line.last_score)
    assert results.shown() == MILD


def test_what_was_entered_in_error_is_not_shown(results: Sharing) -> None:
    results.send(EIGHT)
    results.share()
    with results.database.writing() as session:
        session.execute(update(Administration).values(in_error_at=LATER))
    assert results.shown() == results.lines() == []


def test_it_is_there_for_thirty_days(results: Sharing) -> None:
    results.send(EIGHT)
    results.share()
    assert results.shown(at=LATER + timedelta(days=30) - timedelta(seconds=1)) == MILD
    assert results.shown(at=LATER + timedelta(days=30)) == []


def test_skipped_items_are_said_without_naming_them(results: Sharing) -> None:
    """One short of the PHQ-9: estimated. Item 9 itself is nowhere."""
    results.send([1, 1, 1, 1, 1, 1, 1, 1, None, 0])
    results.share()
    assert results.shown() == [("Feelings", "mild", "9", True)]


def test_too_few_answers_have_no_result(results: Sharing) -> None:
    results.send([1, 1, 1, 1, 1, None, None, None, 0, 0])
    results.share()
    assert results.shown() == [("Feelings", None, None, False)]


def test_another_patient_of_the_clinic_sees_nothing_of_it(results: Sharing) -> None:
    results.send(EIGHT)
    results.share()
    with results.database.writing() as session:
        other = clinic.invited(session, results.by, number=2)
        assert (
            session.scalars(select(Assessment.results_shared_at).where(Assessment.public_id == other.assessment)).one()
            is None
        )
    results.alice = other
    assert results.shown() == []
