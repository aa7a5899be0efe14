"""Lists of alerts beyond one page, and how long alerts waited."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from prom_server.core import delimited
from prom_server.core.alert_latency import AlertTimes, ImplausiblePeriod, Wait, latency, period, waits
from prom_server.core.opening_hours import OpeningHours
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import alert_desk, alert_latency, alert_lists, alert_views
from prom_server.services.alert_desk import Outcome
from prom_server.services.alert_lists import Show
from prom_server.store.alerts import Alert
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import Cast
from tests.support.clinic import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOVEMBER = period(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        return people.cast(session)


def alerts(database: Database, team: Cast, number: int) -> list[str]:
    """So many alerts, each a minute after the one before; every third is a flag. Their public ids."""
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 1)
        first = session.scalars(select(Alert)).one()
        same = {
            name: getattr(first, name) for name in ("clinic_id", "patient_id", "administration_id", "item_id", "value")
        }
        for n in range(1, number):
            level = "flag" if n % 3 == 2 else "alert"
            session.add(Alert(**same, rule=f"rule-{n}", level=level, raised_at=NOON + n * MINUTE))
        session.flush()
        return list(session.scalars(select(Alert.public_id).order_by(Alert.id)))


def walk(database: Database, show: Show, by, monkeypatch: pytest.MonkeyPatch, page: int = 4) -> list[str]:
    monkeypatch.setattr(alert_lists, "PAGE", page)
    seen: list[str] = []
    after = None
    with database.writing() as session:
        while True:
            found = alert_lists.alerts_page(session, show, after, by=by, at=NOON)
            assert len(found.rows) <= page
            assert found.first is (after is None)
            seen += [line.public_id for line in found.rows]
            after = found.after
            if after is None:
                return seen


def test_every_open_alert_is_on_one_page_once(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = alerts(database, team, 11)
    with database.writing() as session:
        alert_desk.acknowledge(session, ids[0], by=team.bob, at=NOON)
    flags = ids[2::3]
    urgent = [each for each in ids[1:] if each not in flags]
    assert walk(database, Show.OPEN, team.bob, monkeypatch) == [*urgent, ids[0], *flags]
    assert walk(database, Show.MINE, team.bob, monkeypatch) == [ids[0]]


def test_resolved_ones_the_newest_first(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = alerts(database, team, 7)
    resolved = [each for n, each in enumerate(ids) if n % 3 != 2]
    with database.writing() as session:
        for n, each in enumerate(resolved):
            alert_desk.resolve(session, each, Outcome("risk_assessed"), by=team.bob, at=NOON + n * HOUR)
    assert walk(database, Show.RESOLVED, team.bob, monkeypatch, page=2) == resolved[::-1]


def test_another_clinic_s_page_begins_nowhere(database: Database, team: Cast) -> None:
    (alert,) = alerts(database, team, 1)
    with database.writing() as session, pytest.raises(NotFound):
        alert_lists.alerts_page(session, Show.OPEN, alert, by=team.charlie, at=NOON)


def test_waiting_times_count_all_and_say_of_how_many(database: Database, team: Cast) -> None:
    """Raised on Friday at half past four; seen on Monday at nine: an hour and a half of opening hours."""
    friday, monday = (
        datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Denver")).astimezone(UTC)
        for text in ("2026-11-27 16:30", "2026-11-30 09:00")
    )
    with database.writing() as session:
        people.answer_part(session, people.start(session, team, starts_on=friday.date()), team.bob, 1, at=friday)
        first = session.scalars(select(Alert)).one()
        same = {
            name: getattr(first, name) for name in ("clinic_id", "patient_id", "administration_id", "item_id", "value")
        }
        session.add(Alert(**same, rule="another", level="alert", raised_at=friday))
        session.add(Alert(**same, rule="a-flag", level="flag", raised_at=friday))
        session.flush()
        alert_views.alert_view(session, first.public_id, by=team.cora, at=monday)
        alert_views.alert_view(session, first.public_id, by=team.bob, at=monday + HOUR)
        alert_desk.acknowledge(session, first.public_id, by=team.bob, at=monday + HOUR)
        view = alert_latency.latency_page(session, NOVEMBER, by=team.cora, at=monday)
    assert (view.seen.n, view.seen.of, view.acknowledged.n, view.resolved.n) == (1, 2, 1, 0)
    assert view.seen.median == Wait(monday - friday, timedelta(minutes=90))
    assert view.resolved.median is None
    with database.writing() as session:
        empty = alert_latency.latency_page(
            session, period(date(2026, 12, 1), date(2026, 12, 2)), by=team.cora, at=monday
        )
        assert empty.seen.of == 0
        assert alert_latency.latency_page(session, NOVEMBER, by=team.charlie, at=monday).seen.of == 0
        with pytest.raises(NotAllowed):
            alert_latency.latency_page(session, NOVEMBER, by=team.ada, at=monday)


def test_batches_hold_every_alert_once(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_latency, "BATCH", 3)
    ids = [each for n, each in enumerate(alerts(database, team, 10)) if n % 3 != 2]
    with database.writing() as session:
        view = alert_latency.latency_page(session, NOVEMBER, by=team.bob, at=NOON)
    assert [each.times.public_id for each in view.alerts] == ids[::-1]


def test_nine_of_ten_waited_no_longer_than_the_ninth() -> None:
    always = OpeningHours("UTC", dict.fromkeys(range(7), (("00:00", "24:00"),)))
    seen = [NOON + n * MINUTE for n in (100, *range(1, 10))]
    found = [waits(AlertTimes("x", "phq-9", "item-9", "kiosk", NOON, at, None, None, 0), always) for at in seen]
    view = latency(NOVEMBER, found, listed=3)
    assert (view.seen.median, view.seen.p90) == (Wait(5.5 * MINUTE, 5.5 * MINUTE), Wait(9 * MINUTE, 9 * MINUTE))
    assert (view.acknowledged.n, view.acknowledged.of, len(view.alerts), view.more) == (0, 10, 3, True)


def test_a_period_has_its_limits() -> None:
    for last in (date(2026, 10, 31), date(2028, 11, 10)):
        with pytest.raises(ImplausiblePeriod):
            period(date(2026, 11, 1), last)


def test_no_cell_of_a_file_is_a_formula() -> None:
    assert delimited.line(["=1+1", "@x", "+1", "-1", "a=b", None, -1.5, 3]) == "'=1+1,'@x,'+1,'-1,a=b,,-1.5,3\r\n"
    assert delimited.line(['say "no"', "a,b"]) == '"say ""no""","a,b"\r\n'
