"""Staff enter paper forms and telephone interviews: stored, alerted and scored as a patient's own answers are."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prom_server.core.entry import (
    BegunOtherwise,
    EnteredMeanwhile,
    EnteredOtherwise,
    How,
    ImplausibleWrittenOn,
    Mode,
    NotOnPaper,
    RelationNeeded,
    Respondent,
    WrittenOnNeeded,
    answered_on_paper,
)
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.core.responses import ItemState
from prom_server.services import (
    accounts,
    alert_views,
    alerting,
    answering,
    corrections,
    entry,
    entry_views,
    invitations,
    paper,
    reopening,
    verification,
    visit_pages,
    visits,
)
from prom_server.services import given as givens
from prom_server.services.answering import AlreadySubmitted, NotAskedNow, Posted
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.audit import AuditEntry
from prom_server.store.clinics import Clinic
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff
from tests import cast as people
from tests.cast import Cast
from tests.support import clinic, races
from tests.support.clinic import BIRTH_DATE, NOON
from tests.support.databases import only_postgresql

LATER = NOON + timedelta(hours=1)
YESTERDAY = date(2026, 11, 22)
PAPER = How(Mode.PAPER, written_on=YESTERDAY)
TELEPHONE = How(Mode.TELEPHONE)


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


@pytest.fixture
def assessment(database: Database, team: Cast) -> str:
    """An open baseline: PHQ-9, then GAD-7."""
    with database.writing() as session:
        course = people.start(session, team, starts_on=NOON.date() + timedelta(days=1))
        return clinic.assessment_of(session, course, "baseline")


def begin(database: Database, assessment: str, by, how: How = PAPER, part: int = 1, at: datetime = NOON) -> str:
    with database.writing() as session:
        return entry.begin(session, assessment, part, how, by=by, at=at)


def form(database: Database, public_id: str, by) -> tuple[list[str], int]:
    with database.writing() as session:
        view = paper.form(session, public_id, by=by, at=NOON)
        return [item.id for item in view.items], view.entering.sequence


def store(database: Database, public_id: str, by, values, *, send: bool = True, at: datetime = LATER) -> int | None:
    items, sequence = form(database, public_id, by)
    with database.writing() as session:
        return paper.store_paper(
            session, public_id, dict(zip(items, values, strict=True)), sequence, send=send, by=by, at=at
        )


def row_of(database: Database, public_id: str) -> Administration:
    with database.reading() as session:
        return session.scalars(select(Administration).where(Administration.public_id == public_id)).one()


def differences(database: Database) -> list[object]:
    with database.reading() as session:
        return list(verification.check(session).differences)


def test_a_paper_form_is_stored_sent_and_scored(database: Database, team: Cast, assessment: str) -> None:
    how = How(Mode.PAPER, Respondent.PROXY, "daughter", "a nurse", YESTERDAY)
    public_id = begin(database, assessment, team.cora, how)
    assert store(database, public_id, team.cora, [1, 1, 1, 1, 1, 1, 1, None, 0, 2]) is None
    row = row_of(database, public_id)
    assert (row.mode, row.respondent, row.relation, row.assisted_by) == ("paper", "proxy", "daughter", "a nurse")
    assert (row.entered_by, row.written_on, row.submitted_at) == (team.cora.id, YESTERDAY, LATER)
    with database.reading() as session:
        given = session.scalars(select(Response).order_by(Response.sequence)).all()
        assert [each.value for each in given] == [1, 1, 1, 1, 1, 1, 1, None, 0, 2]
        assert [each.sequence for each in given] == list(range(1, 11))
        # Noon at the clinic on the written day; entered an hour later today.
        assert {each.answered_at for each in given} == {NOON - timedelta(days=1)}
        assert {each.at for each in given} == {LATER}
        score = session.scalars(select(RecordedScore)).one()
        assert (score.status, score.value, score.answered, score.sequence) == ("prorated", 8, 8, 10)
        actors = set(
            session.execute(
                select(AuditEntry.actor, AuditEntry.staff_id).where(
                    AuditEntry.action.in_(["answer.save", "administration.submit", "entry.begin", "entry.view"])
                )
            )
        )
        assert actors == {("staff", team.cora.id)}
    assert differences(database) == []


def test_what_was_written_this_morning_is_not_answered_in_the_future(
    database: Database, team: Cast, assessment: str
) -> None:
    early = NOON - timedelta(hours=4)
    public_id = begin(database, assessment, team.cora, How(Mode.PAPER, written_on=NOON.date()), at=early)
    store(database, public_id, team.cora, [0] * 9 + [None], at=early)
    with database.reading() as session:
        assert {each.answered_at for each in session.scalars(select(Response))} == {early}


def test_item_9_on_paper_is_an_alert_at_once_with_both_days(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora)
    assert store(database, public_id, team.cora, [0] * 8 + [1, 0]) == 9
    with database.writing() as session:
        alert = session.scalars(select(Alert.public_id)).one()
        view = alert_views.alert_view(session, alert, by=team.bob, at=LATER)
        assert (view.line.mode, view.written_on, view.line.raised_at) == ("paper", YESTERDAY, LATER)
        stay = entry_views.stay(session, public_id, by=team.cora, at=LATER)
        assert (stay.alert_id, stay.number, stay.label, stay.phone) == (alert, 9, "Several days", "(303) 555-0100")


@pytest.mark.parametrize(("language", "words"), [("es", "Gracias por decirlo."), ("en", None)])
def test_the_interviewer_says_the_clinic_s_own_words_in_the_patient_s_language(
    database: Database, team: Cast, assessment: str, language: str, words: str | None
) -> None:
    with database.writing() as session:
        own = {"es": {"hours": None, "help": "Gracias por decirlo."}}
        session.execute(update(Clinic).where(Clinic.id == team.cora.clinic.id).values(patient_words=own))
        session.execute(update(Patient).values(language=language))
        cora = accounts.member(
            session.get_one(Staff, team.cora.id), session.get_one(Clinic, team.cora.clinic.id, populate_existing=True)
        )
    public_id = begin(database, assessment, cora, TELEPHONE)
    talk(database, public_id, cora, [0] * 8 + [1])
    with database.writing() as session:
        stay = entry_views.stay(session, public_id, by=cora, at=LATER)
    assert (stay.language, stay.own_words, stay.raised_at) == (language, words, LATER)


def test_a_blank_item_9_is_a_flag(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora)
    assert store(database, public_id, team.cora, [0] * 8 + [None, None]) is None
    with database.reading() as session:
        assert session.scalars(select(Alert.level)).all() == ["flag"]


def test_a_part_that_nobody_enters_is_flagged_a_day_later(database: Database, team: Cast, assessment: str) -> None:
    """The sheet with item 9 is missing: as with a patient who never reached it."""
    begin(database, assessment, team.cora, part=2)
    with database.writing() as session:
        assert alerting.flag_unreached(session, team.cora.clinic.id, at=NOON + timedelta(hours=25)) == 1
        assert session.scalars(select(Alert.level)).all() == ["flag"]


def test_two_passes(database: Database, team: Cast, assessment: str) -> None:
    """The first one is stored and alerts, unsent; the second is compared; what is settled is stored, and sent."""
    public_id = begin(database, assessment, team.cora)
    first, second = [0] * 7 + [2, 1, 1], [0] * 7 + [3, 1, 1]
    assert store(database, public_id, team.cora, first, send=False) == 9
    assert row_of(database, public_id).submitted_at is None
    items, _ = form(database, public_id, team.cora)
    with database.writing() as session:
        same = paper.second_pass(session, public_id, dict(zip(items, first, strict=True)), by=team.cora, at=LATER)
        other = paper.second_pass(session, public_id, dict(zip(items, second, strict=True)), by=team.cora, at=LATER)
    assert same == ()
    assert [(each.number, each.first, each.second, each.label(3)) for each in other] == [(8, 2, 3, "Nearly every day")]
    store(database, public_id, team.cora, second)
    with database.reading() as session:
        kept = session.scalars(select(Response).where(Response.item_id == items[7]).order_by(Response.sequence)).all()
        assert [each.value for each in kept] == [2, 3]
        assert len(session.scalars(select(Response)).all()) == 11  # what both passes say is stored once
        assert session.scalars(select(RecordedScore.value)).all() == [4]
    assert differences(database) == []


@pytest.mark.parametrize(("first", "second", "raised"), [(0, 2, [2]), (1, 2, [2]), (2, 1, [2]), (0, None, [])])
def test_item_9_of_the_second_pass_alerts_before_the_passes_are_settled(
    database: Database, team: Cast, assessment: str, first: int, second: int | None, raised: list[int]
) -> None:
    public_id = begin(database, assessment, team.cora)
    store(database, public_id, team.cora, [1] * 8 + [first, 1], send=False)
    items, _ = form(database, public_id, team.cora)
    typed = [1] * 8 + [second, 1]
    with database.writing() as session:
        (other,) = paper.second_pass(session, public_id, dict(zip(items, typed, strict=True)), by=team.cora, at=LATER)
    assert (other.first, other.second) == (first, second)
    with database.reading() as session:
        assert session.scalars(select(Alert.value)).all() == raised


@only_postgresql
def test_a_press_that_waits_for_the_one_before_it_sees_what_came_of_it(
    database: Database, team: Cast, assessment: str
) -> None:
    """The button of the second pass, then of the paper, each pressed twice at once."""
    public_id = begin(database, assessment, team.cora)
    store(database, public_id, team.cora, [*[0] * 9, None], send=False)
    items, sequence = form(database, public_id, team.cora)
    answers = dict.fromkeys(items, 0) | {items[8]: 2}
    told: list[object] = []

    def second(session: Session) -> None:
        told.append(len(paper.second_pass(session, public_id, answers, by=team.cora, at=LATER)))

    def send(session: Session) -> None:
        told.append(paper.store_paper(session, public_id, answers, sequence, send=True, by=team.cora, at=LATER))

    for press in (second, send):
        races.one_waits(database, press, press)
    assert told == [2, 2, 9, None]
    with database.reading() as session:
        assert session.scalars(select(Alert.level)).all() == ["alert"]
        assert session.scalars(select(RecordedScore.value)).all() == [2]


def test_a_second_send_changes_nothing(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora)
    items, sequence = form(database, public_id, team.cora)
    for value in (0, 3):
        with database.writing() as session:
            answers = dict.fromkeys(items[:9], value) | {items[9]: None}
            paper.store_paper(session, public_id, answers, sequence, send=True, by=team.cora, at=LATER)
    with database.reading() as session:
        assert session.scalars(select(RecordedScore.value)).all() == [0]
    with pytest.raises(AlreadySubmitted), database.writing() as session:
        paper.form(session, public_id, by=team.cora, at=LATER)


def test_an_item_that_does_not_apply_is_refused_never_dropped(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora)
    with pytest.raises(NotAskedNow, match="difficulty"):
        store(database, public_id, team.cora, [0] * 9 + [1])
    assert people.count(database, Response) == 0


def test_a_page_that_is_older_than_the_answers_is_refused_whole(
    database: Database, team: Cast, assessment: str
) -> None:
    public_id = begin(database, assessment, team.cora)
    items, old = form(database, public_id, team.cora)
    store(database, public_id, team.cora, [0] * 9 + [None], send=False)
    answers = dict.fromkeys(items, 1)
    with pytest.raises(EnteredMeanwhile), database.writing() as session:
        paper.store_paper(session, public_id, answers, old, send=True, by=team.bob, at=LATER)
    assert row_of(database, public_id).submitted_at is None
    assert people.count(database, Response, Response.value == 1) == 0


@pytest.mark.parametrize(
    ("how", "refusal"),
    [
        (How(Mode.PAPER), WrittenOnNeeded),
        (How(Mode.PAPER, written_on=date(2026, 11, 24)), ImplausibleWrittenOn),
        (How(Mode.PAPER, written_on=date(2026, 10, 1)), ImplausibleWrittenOn),
        (How(Mode.TELEPHONE, Respondent.PROXY), RelationNeeded),
    ],
)
def test_what_is_not_said_is_refused(database: Database, team: Cast, assessment: str, how: How, refusal: type) -> None:
    with pytest.raises(refusal):
        begin(database, assessment, team.cora, how)
    assert people.count(database, Administration) == 0


def test_only_while_the_assessment_takes_answers(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora)
    items, sequence = form(database, public_id, team.cora)
    with database.writing() as session:
        session.execute(update(Assessment).values(closes_on=YESTERDAY))
    with pytest.raises(visits.AssessmentClosed):
        begin(database, assessment, team.cora, part=2)
    answers = dict.fromkeys(items, 0)
    with pytest.raises(visits.AssessmentClosed), database.writing() as session:
        paper.store_paper(session, public_id, answers, sequence, send=True, by=team.cora, at=LATER)
    assert people.count(database, Response) == 0


def test_who_may(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.bob)
    with pytest.raises(NotAllowed):
        begin(database, assessment, team.ada)
    for act in (
        lambda session: entry.begin(session, assessment, 1, PAPER, by=team.charlie, at=NOON),
        lambda session: paper.form(session, public_id, by=team.charlie, at=NOON),
        lambda session: entry_views.choices(session, assessment, by=team.charlie, at=NOON),
        lambda session: givens.given(session, public_id, by=team.charlie, at=NOON),
    ):
        with pytest.raises(NotFound), database.writing() as session:
            act(session)


# ---- One part, one way


def patient(database: Database, team: Cast, assessment: str) -> str:
    with database.writing() as session:
        link = invitations.issue(session, assessment, by=team.bob, at=NOON).token
        visits.count_attempt(session, link, at=NOON)
        token = visits.identify(session, link, BIRTH_DATE, at=NOON).token
        answering.start(session, token, at=NOON)
        return token


def test_a_part_begun_by_the_patient_without_an_answer_is_taken_over(
    database: Database, team: Cast, assessment: str
) -> None:
    patient(database, team, assessment)
    public_id = begin(database, assessment, team.cora)
    row = row_of(database, public_id)
    assert (row.mode, row.written_on, row.entered_by) == ("paper", YESTERDAY, team.cora.id)
    assert people.count(database, Administration) == 2


def test_a_part_that_staff_began_without_an_answer_is_the_patient_s_with_the_first_one(
    database: Database, team: Cast, assessment: str
) -> None:
    public_id = begin(database, assessment, team.cora, How(Mode.PAPER, Respondent.PROXY, "son", "a nurse", YESTERDAY))
    token = patient(database, team, assessment)
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 1, at=NOON)
        answering.save(session, token, 1, Posted(step.item.id, 1, step.sequence, device="phone"), at=NOON)
    row = row_of(database, public_id)
    assert (row.mode, row.device_class, row.respondent) == ("own_device", "phone", "patient")
    assert (row.relation, row.assisted_by, row.entered_by, row.written_on) == (None, None, None, None)
    with pytest.raises(BegunOtherwise):
        form(database, public_id, team.cora)


def test_a_part_with_the_patient_s_own_answers_is_not(database: Database, team: Cast, assessment: str) -> None:
    token = patient(database, team, assessment)
    with database.writing() as session:
        step = visit_pages.step(session, token, 1, 1, at=NOON)
        answering.save(session, token, 1, Posted(step.item.id, 1, step.sequence), at=NOON)
    for how in (PAPER, TELEPHONE):
        with pytest.raises(BegunOtherwise):
            begin(database, assessment, team.cora, how)
    assert people.count(database, Administration, Administration.mode == "own_device") == 2
    begin(database, assessment, team.cora, part=2)


@pytest.mark.parametrize(
    "other",
    [
        How(Mode.PAPER, written_on=date(2026, 11, 21)),
        How(Mode.PAPER, Respondent.PROXY, "daughter", written_on=YESTERDAY),
        How(Mode.PAPER, assisted_by="a nurse", written_on=YESTERDAY),
    ],
)
def test_what_was_said_of_stored_answers_is_not_changed_silently(
    database: Database, team: Cast, assessment: str, other: How
) -> None:
    public_id = begin(database, assessment, team.cora)
    assert begin(database, assessment, team.cora, other) == public_id  # nothing is stored yet: it is put right
    begin(database, assessment, team.cora)
    store(database, public_id, team.cora, [0] * 9 + [None], send=False)
    with pytest.raises(EnteredOtherwise):
        begin(database, assessment, team.cora, other)
    assert begin(database, assessment, team.bob, How(Mode.PAPER, relation="unused", written_on=YESTERDAY)) == public_id
    with database.writing() as session:
        part = entry_views.choices(session, assessment, by=team.cora, at=LATER).parts[0]
    assert (part.how, part.answered) == (PAPER, 9)


def test_each_answer_says_that_staff_entered_it(database: Database, team: Cast, assessment: str) -> None:
    store(database, begin(database, assessment, team.cora), team.cora, [1] * 10)
    talk(database, begin(database, assessment, team.cora, TELEPHONE, part=2), team.cora, [1])
    with database.reading() as session:
        rows = session.execute(select(Response.mode, Response.device_class).order_by(Response.id)).all()
    assert rows == [("paper", None)] * 10 + [("telephone", None)]


def test_a_paper_form_sent_short_is_asked_again_with_what_was_typed(
    database: Database, team: Cast, assessment: str
) -> None:
    public_id = begin(database, assessment, team.cora)
    store(database, public_id, team.cora, [1] * 7 + [None, 0, 2])
    with database.writing() as session:
        reopening.ask_again(session, public_id, by=team.cora, at=LATER)
        view = paper.form(session, public_id, by=team.cora, at=LATER)
    assert (view.begun, view.before) == (False, (1, 1, 1, 1, 1, 1, 1, None, 0, 2))
    store(database, public_id, team.cora, [1] * 7 + [3, 0, 2])
    with database.reading() as session:
        assert session.scalars(select(RecordedScore.value).order_by(RecordedScore.id)).all() == [8, 10]
        assert people.count(database, Response) == 11
    assert differences(database) == []


def test_both_parts_complete_the_assessment(database: Database, team: Cast, assessment: str) -> None:
    store(database, begin(database, assessment, team.cora), team.cora, [0] * 9 + [None])
    with database.writing() as session:
        view = entry_views.choices(session, assessment, by=team.cora, at=LATER)
        assert [(part.sent, part.mode) for part in view.parts] == [(True, "paper"), (False, None)]
        assert view.last == PAPER
    public_id = begin(database, assessment, team.cora, TELEPHONE, part=2)
    talk(database, public_id, team.cora, [1] * 7)
    with database.writing() as session:
        entry.send(session, public_id, by=team.cora, at=LATER)
    with database.reading() as session:
        assert session.scalars(select(Assessment.completed_at).where(Assessment.public_id == assessment)).one() == LATER
    assert differences(database) == []


# ---- On the telephone


def talk(database: Database, public_id: str, by, values: list[int | None]) -> list[bool]:
    """Answers one after the other; after which of them the interviewer's own page comes."""
    pages = []
    for value in values:
        with database.writing() as session:
            view = entry_views.question(session, public_id, by=by, at=NOON)
            posted = Posted(view.step.item.id, value, view.step.sequence, shown_for=timedelta(seconds=12))
            pages.append(entry.say(session, public_id, posted, by=by, at=LATER).help)
    return pages


def test_a_telephone_interview(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora, TELEPHONE)
    assert talk(database, public_id, team.cora, [1] * 8 + [2]) == [False] * 8 + [True]
    talk(database, public_id, team.cora, [None])
    with database.writing() as session:
        assert entry_views.question(session, public_id, by=team.cora, at=LATER) is None
        _, review = entry_views.review(session, public_id, by=team.cora, at=LATER)
        assert [each.step for each in review.missing] == [10]
        stay = entry_views.stay(session, public_id, by=team.cora, at=LATER)
        assert (stay.number, stay.following, stay.entering.how.mode) == (9, None, Mode.TELEPHONE)
        entry.send(session, public_id, by=team.cora, at=LATER)
    with database.writing() as session:
        view = givens.given(session, public_id, by=team.cora, at=LATER)
        assert (view.line.mode, view.line.entered_by, view.line.device_class) == ("telephone", "Cora Example", None)
        assert {each.now.seconds for each in view.items} == {12}
        assert [each.state for each in view.items] == [ItemState.ANSWERED] * 9 + [ItemState.SKIPPED]


def test_an_adaptive_instrument_is_asked_on_the_telephone_only(database: Database, team: Cast) -> None:
    with database.writing() as session:
        invited = clinic.invited(session, team.bob, number=7, protocol="five-day-adaptive")
    with pytest.raises(NotOnPaper):
        begin(database, invited.assessment, team.cora, part=3)
    public_id = begin(database, invited.assessment, team.cora, TELEPHONE, part=3)
    with pytest.raises(answering.Unfinished), database.writing() as session:
        entry.send(session, public_id, by=team.cora, at=LATER)
    talk(database, public_id, team.cora, [2])
    with database.writing() as session:
        assert entry_views.question(session, public_id, by=team.cora, at=LATER).step.step == 2


def test_another_page_s_answer_is_not_overwritten_unseen(database: Database, team: Cast, assessment: str) -> None:
    public_id = begin(database, assessment, team.cora, TELEPHONE)
    with database.writing() as session:
        old = entry_views.question(session, public_id, by=team.bob, at=NOON).step
    talk(database, public_id, team.cora, [1])
    with pytest.raises(EnteredMeanwhile), database.writing() as session:
        entry.say(session, public_id, Posted(old.item.id, 3, old.sequence), by=team.bob, at=LATER)


def test_the_answers_page_tells_how(database: Database, team: Cast, assessment: str) -> None:
    how = How(Mode.PAPER, Respondent.PROXY, "daughter", "a nurse", YESTERDAY)
    store(database, begin(database, assessment, team.cora, how), team.cora, [0] * 9 + [None])
    with database.writing() as session:
        lines = corrections.administrations(session, team.alice, by=team.bob, at=LATER).rows
    line = next(each for each in lines if each.submitted_at)
    told = (line.mode, line.language, line.respondent, line.relation, line.assisted_by, line.entered_by)
    assert told == ("paper", "en", "proxy", "daughter", "a nurse", "Cora Example")
    assert (line.written_on, line.declined_at, line.submitted_at) == (YESTERDAY, None, LATER)


def test_noon_of_the_written_day_is_the_clinic_s() -> None:
    summer = answered_on_paper(date(2026, 7, 1), "America/Denver", LATER)
    assert summer == datetime(2026, 7, 1, 18, tzinfo=UTC)
