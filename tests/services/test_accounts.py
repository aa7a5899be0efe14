"""Signing in: counted before it is compared, the same for unknown and wrong, ended by time and by the administrator."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select, update

from prom_server.core.accounts import (
    EmailTaken,
    LinkUsedUp,
    MixedClinics,
    OwnAccount,
    TooManyAttempts,
    UnknownTimeZone,
    WeakPassword,
    password_problems,
)
from prom_server.core.permissions import Role
from prom_server.core.refusals import NotAllowed, NotFound
from prom_server.services import accounts, staffing
from prom_server.store.audit import AuditEntry
from prom_server.store.database import Database
from prom_server.store.staff import SignInFailure, Staff, StaffSession
from tests import cast as people
from tests.cast import PASSWORD, Cast
from tests.support import clinic
from tests.support.clinic import NOON

ADDRESS = "203.0.113.7"


@pytest.fixture
def team(database: Database) -> Cast:
    with database.writing() as session:
        team = people.cast(session)
        people.set_password(session, team.bob, by=team.ada)
        return team


def email(database: Database, team: Cast) -> str:
    with database.reading() as session:
        return people.email_of(session, team.bob)


def sign_in(database: Database, name: str, password: str = PASSWORD, *, at=NOON, address: str = ADDRESS) -> str | None:
    with database.writing() as session:
        attempt = accounts.look_up(session, name, address, at=at)
    verified = accounts.verify(attempt, password)
    with database.writing() as session:
        token = accounts.record_sign_in(session, attempt, verified, at=at)
        if token is None:
            accounts.record_failure(session, attempt, at=at)
    return token


def signed_in(database: Database, token: str, *, at=NOON):
    with database.reading() as session:
        return accounts.of_session(session, token, at=at)


def test_the_right_password_opens_a_session(database: Database, team: Cast) -> None:
    token = sign_in(database, f"  {email(database, team).upper()} ")
    assert token is not None
    found = signed_in(database, token)
    assert found is not None
    assert found.by == team.bob
    with database.reading() as session:
        assert token not in session.scalars(select(StaffSession.token_hash)).one()


def test_wrong_unknown_inactive_and_passwordless_are_all_the_same(database: Database, team: Cast) -> None:
    name = email(database, team)
    with database.reading() as session:
        passwordless = people.email_of(session, team.cora)
    assert sign_in(database, name, "not the password") is None
    assert sign_in(database, "nobody@example.org") is None
    assert sign_in(database, passwordless) is None
    with database.writing() as session:
        staffing.deactivate(session, team.bob.public_id, by=team.ada, at=NOON)
    assert sign_in(database, name) is None


def test_an_unknown_name_is_hashed_too(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    true = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *args: hashed.append(args[1]) or true(*args))
    sign_in(database, "nobody@example.org")
    sign_in(database, email(database, team), "wrong")
    assert len(hashed) == 2
    assert hashed[0].split("$")[:4] == hashed[1].split("$")[:4]  # the same work


def test_five_wrong_ones_close_the_name_for_fifteen_minutes(database: Database, team: Cast) -> None:
    name = email(database, team)
    for number in range(5):
        assert sign_in(database, name, "wrong", address=f"203.0.113.{number}") is None
    with pytest.raises(TooManyAttempts):
        sign_in(database, name)
    assert sign_in(database, name, at=NOON + timedelta(minutes=15, seconds=1)) is not None


def test_a_counted_attempt_stays_counted_when_it_is_never_compared(database: Database, team: Cast) -> None:
    for _ in range(5):
        with database.writing() as session:
            accounts.look_up(session, email(database, team), ADDRESS, at=NOON)
    with pytest.raises(TooManyAttempts):
        sign_in(database, email(database, team))


def test_twenty_names_from_one_address_close_the_address(database: Database, team: Cast) -> None:
    with database.writing() as session:
        for number in range(20):
            accounts.look_up(session, f"nobody{number}@example.org", ADDRESS, at=NOON)
    with pytest.raises(TooManyAttempts):
        sign_in(database, email(database, team))
    assert sign_in(database, email(database, team), address="198.51.100.1") is not None


def test_success_forgives_the_name_and_keeps_what_the_address_did(database: Database, team: Cast) -> None:
    sign_in(database, email(database, team), "wrong")
    sign_in(database, "nobody@example.org")
    assert sign_in(database, email(database, team)) is not None
    assert people.count(database, SignInFailure) == 3  # the address twice, and the unknown name


def test_no_name_and_no_address_is_kept_of_a_failure(database: Database, team: Cast) -> None:
    sign_in(database, "nobody@example.org")
    with database.reading() as session:
        assert {len(key) for key in session.scalars(select(SignInFailure.key))} == {64}
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        assert (last.action, last.subject, last.detail) == ("staff.sign_in_failed", None, None)


def test_a_session_idles_out_and_ends_after_twelve_hours(database: Database, team: Cast) -> None:
    token = sign_in(database, email(database, team))
    assert token is not None
    at = NOON
    assert signed_in(database, token, at=NOON + timedelta(minutes=15)) is not None
    assert signed_in(database, token, at=NOON + timedelta(minutes=15, seconds=1)) is None
    while at < NOON + timedelta(hours=12):
        found = signed_in(database, token, at=at)
        assert found is not None
        with database.writing() as session:
            accounts.touch(session, found, at=at)
        at += timedelta(minutes=14)
    assert signed_in(database, token, at=NOON + timedelta(hours=12, seconds=1)) is None


def test_a_session_is_stale_after_a_minute(database: Database, team: Cast) -> None:
    token = sign_in(database, email(database, team)) or ""
    assert not signed_in(database, token, at=NOON + timedelta(seconds=60)).stale
    assert signed_in(database, token, at=NOON + timedelta(seconds=61)).stale


def test_signing_out_and_deactivating_end_it(database: Database, team: Cast) -> None:
    first, second = sign_in(database, email(database, team)) or "", sign_in(database, email(database, team)) or ""
    assert first != second
    with database.writing() as session:
        accounts.sign_out(session, first, by=team.bob, at=NOON)
    assert signed_in(database, first) is None
    assert signed_in(database, second) is not None
    with database.writing() as session:
        staffing.deactivate(session, team.bob.public_id, by=team.ada, at=NOON)
    assert signed_in(database, second) is None
    with database.writing() as session:
        link = staffing.reactivate(session, team.bob.public_id, by=team.ada, at=NOON)
    assert signed_in(database, second) is None
    assert sign_in(database, email(database, team)) is None  # only with a new password
    with database.writing() as session:
        staffing.set_password(session, link.token, accounts.hash_password(PASSWORD), at=NOON)
    assert sign_in(database, email(database, team)) is not None


def test_weaker_hashes_are_replaced_at_sign_in(database: Database, team: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_hasher", PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1))
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.writing() as session:
        session.execute(update(Staff).where(Staff.id == team.bob.id).values(password_hash=weak))
    assert sign_in(database, email(database, team)) is not None
    with database.reading() as session:
        stored = session.execute(select(Staff.password_hash).where(Staff.id == team.bob.id)).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert sign_in(database, email(database, team)) is not None


def test_the_head_of_a_page_costs_three_statements(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
    token = sign_in(database, email(database, team)) or ""
    statements: list[str] = []
    event.listen(database.reader, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = signed_in(database, token)
    assert found.open_alerts.alerts == 1
    assert found.open_alerts.rows[0].asked.topic == "Thoughts of self-harm"
    assert len([each for each in statements if each.lstrip().startswith("SELECT")]) == 3


def test_an_administrator_sees_the_count_alone(database: Database, team: Cast) -> None:
    with database.writing() as session:
        people.answer_part(session, people.start(session, team), team.bob, 2)
        people.set_password(session, team.ada, by=team.ada)
        name = people.email_of(session, team.ada)
    found = signed_in(database, sign_in(database, name) or "")
    assert (found.open_alerts.alerts, found.open_alerts.rows) == (1, ())


def test_a_link_sets_a_password_once(database: Database, team: Cast) -> None:
    with database.writing() as session:
        old = staffing.new_password_link(session, team.bob.public_id, by=team.ada, at=NOON)
        link = staffing.new_password_link(session, team.bob.public_id, by=team.ada, at=NOON)
    with database.reading() as session:
        assert staffing.password_link(session, link.token, at=NOON).name == team.bob.name
        with pytest.raises(LinkUsedUp):
            staffing.password_link(session, old.token, at=NOON)
        with pytest.raises(LinkUsedUp):
            staffing.password_link(session, link.token, at=NOON + timedelta(hours=72))
        with pytest.raises(NotFound):
            staffing.password_link(session, "unknown", at=NOON)
    before = sign_in(database, email(database, team)) or ""
    with database.writing() as session:
        staffing.set_password(session, link.token, accounts.hash_password("another long one"), at=NOON)
    with pytest.raises(LinkUsedUp), database.writing() as session:
        staffing.set_password(session, link.token, accounts.hash_password("a thief's password"), at=NOON)
    assert signed_in(database, before) is None
    assert sign_in(database, email(database, team), "another long one") is not None


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("elevenchars", ("password_short",)),
        ("Bob-Example-1", ("password_own_name",)),
        ("bob.example@clinic", ()),
        ("aaaaaaaaaaaaa", ("password_simple",)),
        ("x1y2z3" * 50, ("password_long",)),
        ("four unrelated words", ()),
    ],
)
def test_rules_of_passwords(password: str, problems: tuple[str, ...]) -> None:
    assert password_problems(password, "Bob Example", "bobby@example.org") == problems


def test_a_weak_password_is_refused_with_its_problems(database: Database, team: Cast) -> None:
    with database.writing() as session:
        link = staffing.new_password_link(session, team.bob.public_id, by=team.ada, at=NOON)
        view = staffing.password_link(session, link.token, at=NOON)
    with pytest.raises(WeakPassword) as refusal:
        staffing.check_password(view, "short")
    assert refusal.value.problems == ("password_short",)


def test_managing_staff(database: Database, team: Cast) -> None:
    with database.writing() as session:
        added = staffing.add_staff(
            session, "Nina New", "Nina@Example.org", Role.COORDINATOR, clinic=team.ada.clinic, by=team.ada, at=NOON
        )
        lines = {line.public_id: line for line in staffing.staff_of(session, by=team.ada)}
        assert lines[added.staff_id].email == "nina@example.org"
        assert not lines[added.staff_id].has_password
        assert len(lines) == 4  # not Charlie
        with pytest.raises(EmailTaken):
            staffing.add_staff(
                session, "Other", "nina@example.org", Role.CLINICIAN, clinic=team.ada.clinic, by=team.ada, at=NOON
            )
        with pytest.raises(OwnAccount):
            staffing.deactivate(session, team.ada.public_id, by=team.ada, at=NOON)
        with pytest.raises(NotFound):
            staffing.deactivate(session, team.charlie.public_id, by=team.ada, at=NOON)
        with pytest.raises(NotAllowed):
            staffing.deactivate(session, team.cora.public_id, by=team.bob, at=NOON)
        assert people.audited(session)[-1] == "staff.add"


def test_demo_and_real_clinics_never_share_a_database(database: Database, team: Cast) -> None:
    with pytest.raises(MixedClinics), database.writing() as session:
        clinic.clinic(session, demo=False)
    with database.writing() as session:
        clinic.clinic(session, demo=True, name="Another demo")
    with pytest.raises(UnknownTimeZone), database.writing() as session:
        staffing.create_clinic(session, "X", "Mars/Olympus", "1", "1", "A4", demo=True, at=NOON)
    with database.reading() as session:
        assert accounts.any_demo(session)
        accounts.ping(session)
