"""Random walks through one visit against a simple model: two tabs, a line that is cut, a server that starts again.

The model knows what a patient expects, and nothing of sequences: what was stored is there, in its order; a later answer
replaces an earlier one that its page had shown, and never one that it had not; what is submitted stays as it is; who
says that they may hurt themselves is heard.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from prom_server.core.permissions import StaffMember
from prom_server.core.refusals import Refused
from prom_server.core.scoring import score
from prom_server.services import answering, catalogue, courses, visit_pages, visits
from prom_server.services.answering import AlreadySubmitted, NewerAnswer, NotAskedNow, Posted
from prom_server.services.visits import AssessmentClosed, SessionOver
from prom_server.store.alerts import Alert
from prom_server.store.assessments import Administration, Assessment, RecordedScore, Response
from prom_server.store.database import Database
from tests.support import clinic
from tests.support.clinic import BIRTH_DATE, NOON, Invited

INSTRUMENTS = {1: "phq-9", 2: "gad-7"}
ITEM_9 = (1, "phq9")
TABS = st.sampled_from((0, 1))
VALUES = st.integers(0, 3)

Key = tuple[int, str]  # the part and the item


class Killed(Exception):
    """The server, before its transaction was committed."""


@dataclass(frozen=True)
class Page:
    """What a tab shows. `seen` is how many answers to its item had been given when it was made."""

    key: Key
    step: int
    sequence: int
    seen: int


@dataclass(frozen=True)
class Request:
    page: Page
    value: int | None

    @property
    def posted(self) -> Posted:
        return Posted(self.page.key[1], self.value, self.page.sequence)


@dataclass
class Expected:
    """The model: every answer by its item, oldest first."""

    given: dict[Key, list[int | None]] = field(default_factory=dict)
    submitted: set[int] = field(default_factory=set)
    needs_help: bool = False
    closed: bool = False

    def of(self, key: Key) -> list[int | None]:
        return self.given.get(key, [])

    def store(self, key: Key, value: int | None) -> None:
        self.given.setdefault(key, []).append(value)
        self.needs_help |= key == ITEM_9 and bool(value)

    @property
    def complete(self) -> bool:
        return self.submitted == set(INSTRUMENTS)

    @property
    def asks_difficulty(self) -> bool:
        """The tenth question of the PHQ-9: only where another answer is above zero."""
        return any(given[-1] for key, given in self.given.items() if key[0] == 1 and key[1] != "difficulty")


class Walk(RuleBasedStateMachine):
    """One patient's walk. Subclass it with the database and a person of the clinic."""

    database_url: str
    by: StaffMember
    patients = 0

    @initialize()
    def open_the_link(self) -> None:
        type(self).patients += 1
        self.database, self.at, self.expected = Database(self.database_url), NOON, Expected()
        with self.database.writing() as session:
            self.invited: Invited = clinic.invited(session, self.by, number=self.patients)
            mine = Assessment.public_id == self.invited.assessment
            self.assessment = session.scalars(select(Assessment.id).where(mine)).one()
        self.identify()
        with self.database.writing() as session:
            answering.start(session, self.token, at=self.at)
        self.tabs: list[Page | None] = [None, None]
        self.waiting: list[Request] = []  # without a reply: to be sent again
        self.infused = False
        self.load(0, 1, 1)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.dispose()

    # ---- What a person does

    @rule(tab=TABS)
    def go_on(self, tab: int) -> None:
        self.resume()
        try:
            with self.database.reading() as session:
                place = visit_pages.where(session, self.token, at=self.at)
        except SessionOver as refused:
            return self.assert_right(refused, (0, ""))
        assert place.finished == self.expected.complete
        if place.step:
            self.load(tab, place.part, place.step)

    @rule(tab=TABS)
    def reload(self, tab: int) -> None:
        if page := self.tabs[tab]:
            self.load(tab, page.key[0], page.step)

    @rule(tab=TABS)
    def back(self, tab: int) -> None:
        page = self.tabs[tab]
        if page and page.step > 1:
            self.load(tab, page.key[0], page.step - 1)

    @rule()
    def open_a_second_tab(self) -> None:
        self.tabs[1] = self.tabs[0]

    @rule(tab=TABS, value=VALUES)
    def answer(self, tab: int, value: int) -> None:
        self.press_next(tab, value)

    @rule(tab=TABS)
    def skip(self, tab: int) -> None:
        self.press_next(tab, None)

    @rule(tab=TABS, values=st.lists(VALUES, min_size=4, max_size=12))
    def answer_on(self, tab: int, values: list[int]) -> None:
        """As most people do: one after the other."""
        self.go_on(tab)
        for value in values:
            self.press_next(tab, value)

    @rule(part=st.sampled_from((1, 1, 2)))
    def submit(self, part: int) -> None:
        self.resume()
        try:
            with self.database.writing() as session:
                answering.submit(session, self.token, part, at=self.at)
        except Refused as refused:
            return self.assert_right(refused, (part, ""))
        self.expected.submitted.add(part)

    @rule(minutes=st.sampled_from((1, 10, 31)))
    def pause(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    @rule()
    def open_the_link_on_another_device(self) -> None:
        if not self.expected.closed and not self.expected.complete:
            self.identify()

    # ---- What goes wrong

    @rule(tab=TABS, value=VALUES)
    def the_request_is_lost(self, tab: int, value: int) -> None:
        if page := self.tabs[tab]:
            self.waiting.append(Request(page, value))

    @rule(tab=TABS, value=VALUES)
    def the_reply_is_lost(self, tab: int, value: int) -> None:
        """Stored, and nobody was told: the same will be sent again."""
        if page := self.tabs[tab]:
            self.send(Request(page, value))
            self.waiting.append(Request(page, value))

    @rule(tab=TABS, value=VALUES)
    def the_server_is_killed_before_the_commit(self, tab: int, value: int) -> None:
        page = self.tabs[tab]
        if page is None:
            return
        try:
            with self.database.writing() as session:
                answering.save(session, self.token, page.key[0], Request(page, value).posted, at=self.at)
                raise Killed
        except (Killed, Refused):
            self.waiting.append(Request(page, value))
        self.the_server_starts_again()

    @rule()
    def the_line_is_back(self) -> None:
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            self.send(request)

    @rule()
    def the_server_starts_again(self) -> None:
        self.database.dispose()
        self.database = Database(self.database_url)

    @precondition(lambda self: not self.infused and len(self.expected.given) > 6)
    @rule()
    def the_first_infusion_begins(self) -> None:
        """The window closes under the patient's hands."""
        with self.database.writing() as session:
            courses.record_infusion(session, self.invited.course, self.at, by=self.by, at=self.at)
        self.infused, self.expected.closed = True, not self.expected.complete

    # ---- How a page and the server speak

    def identify(self) -> None:
        with self.database.writing() as session:
            visits.count_attempt(session, self.invited.token, at=self.at)
        with self.database.writing() as session:
            token = visits.identify(session, self.invited.token, BIRTH_DATE, at=self.at).token
        assert token is not None
        self.token, self.opened_at = token, self.at

    def resume(self) -> None:
        """After a pause the birth date is asked, and the patient goes on."""
        try:
            with self.database.reading() as session:
                visits.of_session(session, self.token, at=self.at)
        except SessionOver:
            self.open_the_link_on_another_device()

    def load(self, tab: int, part: int, step: int) -> None:
        self.resume()
        try:
            with self.database.reading() as session:
                view = visit_pages.step(session, self.token, part, step, at=self.at)
        except Refused as refused:
            return self.assert_right(refused, (part, "difficulty" if step == 10 else ""))
        given = self.expected.of((part, view.item.id))
        self.tabs[tab] = Page((part, view.item.id), step, view.sequence, len(given))
        assert (view.chosen, view.skipped) == (given[-1] if given else None, bool(given) and given[-1] is None)

    def press_next(self, tab: int, value: int | None) -> None:
        page = self.tabs[tab]
        if page is None:
            return
        self.resume()
        saved = self.send(Request(page, value))
        if saved is not None:
            assert saved.help == (page.key == ITEM_9 and bool(value))
            if saved.place.step:
                self.load(tab, saved.place.part, saved.place.step)

    def send(self, request: Request) -> answering.Saved | None:
        """None when it was refused. A newer answer that the page does not show is asked about; this one is chosen."""
        page, value = request.page, request.value
        given = self.expected.of(page.key)
        newer = len(given) > page.seen
        try:
            with self.database.writing() as session:
                saved = answering.save(session, self.token, page.key[0], request.posted, at=self.at)
        except NewerAnswer as asked:
            assert newer
            return self.choose(asked, request)
        except Refused as refused:
            self.assert_right(refused, page.key)
            return None
        assert not newer or given[-1] == value  # else it was overwritten unseen
        if not newer:
            self.expected.store(page.key, value)
        return saved

    def choose(self, asked: NewerAnswer, request: Request) -> answering.Saved | None:
        """The page that asks shows both answers; this patient means the one given last on this page."""
        given, key = self.expected.of(request.page.key), request.page.key
        assert (asked.view.chosen, asked.offered) == (given[-1], request.value)
        assert asked.view.chosen != asked.offered
        return self.send(Request(Page(key, asked.view.step, asked.view.sequence, len(given)), request.value))

    def assert_right(self, refused: Refused, key: Key) -> None:
        expected = self.expected
        if isinstance(refused, SessionOver):
            assert self.at - self.opened_at > timedelta(minutes=30)
        elif isinstance(refused, AlreadySubmitted):
            assert key[0] in expected.submitted
        elif isinstance(refused, NotAskedNow):
            assert key == (1, "difficulty")
            assert not expected.asks_difficulty
        else:
            assert isinstance(refused, AssessmentClosed)
            assert expected.closed or expected.complete

    # ---- What must be so at any moment

    @invariant()
    def nothing_is_lost_and_nothing_is_overwritten(self) -> None:
        if hasattr(self, "expected"):
            with self.database.reading() as session:
                assert stored(session, self.assessment) == self.expected.given

    @invariant()
    def the_end_states_are_right(self) -> None:
        if not hasattr(self, "expected"):
            return
        with self.database.reading() as session:
            completed = session.scalars(select(Assessment.completed_at).where(Assessment.id == self.assessment)).one()
            assert (completed is not None) == self.expected.complete
            for row in administrations(session, self.assessment):
                assert (row.submitted_at is not None) == (row.position in self.expected.submitted)
                assert scores(session, row.id) == self.expected_scores(row.position, row.submitted_at)

    def expected_scores(self, part: int, submitted_at: datetime | None) -> list[tuple[object, ...]]:
        if submitted_at is None:
            return []
        instrument = catalogue.instrument(INSTRUMENTS[part])
        given = {item.id: self.expected.of((part, item.id)) for item in instrument.scored_items}
        answers = {item: values[-1] if values else None for item, values in given.items()}
        return [(each.scale, each.status, each.value, each.answered) for each in score(instrument, answers)]

    @invariant()
    def who_needs_help_is_heard(self) -> None:
        if not hasattr(self, "expected"):
            return
        with self.database.reading() as session:
            mine = select(Administration.id).where(Administration.assessment_id == self.assessment)
            alerts = session.scalars(select(Alert.level).where(Alert.administration_id.in_(mine))).all()
        assert alerts.count("alert") == int(self.expected.needs_help)


def administrations(session: Session, assessment: int) -> list[Administration]:
    return list(session.scalars(select(Administration).where(Administration.assessment_id == assessment)))


def stored(session: Session, assessment: int) -> dict[Key, list[int | None]]:
    found: dict[Key, list[int | None]] = {}
    for row in session.execute(
        select(Administration.position, Response.item_id, Response.value)
        .join(Administration, Administration.id == Response.administration_id)
        .where(Administration.assessment_id == assessment)
        .order_by(Response.sequence)
    ):
        found.setdefault((row.position, row.item_id), []).append(row.value)
    return found


def scores(session: Session, administration: int) -> list[tuple[object, ...]]:
    mine = (RecordedScore.administration_id == administration, RecordedScore.superseded_at.is_(None))
    rows = session.scalars(select(RecordedScore).where(*mine).order_by(RecordedScore.id))
    return [(row.scale, row.status, row.value, row.answered) for row in rows]
