"""STOP counts at once and everywhere; a bounce marks the address it is about, and nothing is ever guessed."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from prom_server.cli.inbound import bounce as command
from prom_server.core.contacts import Kind, WhyNot
from prom_server.core.inbound import Bounce, Wish, bounce, wish
from prom_server.services import contacts, inbound, outbox
from prom_server.store.contact import Channel
from prom_server.store.database import Database
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from tests import cast as people
from tests.cast import Cast
from tests.support.browsing import ENVIRONMENT
from tests.support.clinic import NOON

LATER = NOON + timedelta(hours=1)
NUMBER, ADDRESS = "+13035550144", "alice@example.org"


@pytest.fixture
def team(database: Database) -> Cast:
    """Alice has an e-mail address and a mobile; a patient of the other clinic has the same two."""
    with database.writing() as session:
        team = people.cast(session)
        for patient, by in ((team.alice, team.bob), (team.charlies, team.charlie)):
            contacts.set_address(session, patient, Kind.EMAIL, ADDRESS, consent=True, by=by, at=NOON)
            contacts.set_address(session, patient, Kind.SMS, NUMBER, consent=True, by=by, at=NOON)
        return team


@pytest.fixture
def name(database: Database, team: Cast) -> str:
    """Of an e-mail to Alice that was sent."""
    return sent(database, "email", ADDRESS)


def sent(database: Database, channel: str, address: str, **facts: object) -> str:
    with database.writing() as session:
        message_id = outbox.enqueue(
            session, clinic_id=1, purpose="reminder", channel=channel, address=address, language="en",
            key=f"test:{channel}", at=NOON, patient_id=1,
        )  # fmt: skip
        session.execute(update(Message).where(Message.id == message_id).values(**({"sent_at": NOON} | facts)))
        return session.get_one(Message, message_id).public_id


def reach(database: Database, patient: str) -> str | WhyNot | None:
    with database.reading() as session:
        found = contacts.reachable(session, session.scalars(select(Patient).where(Patient.public_id == patient)).one())
        return found.channel.kind if found.channel else found.why_not


def text(database: Database, number: str, said: Wish | None) -> None:
    with database.writing() as session:
        inbound.texted(session, number, said, at=LATER)


def audited(database: Database) -> list[str]:
    with database.reading() as session:
        return [each for each in people.audited(session) if each.startswith(("contact.", "message."))][4:]


def stopped(database: Database) -> list[bool]:
    with database.reading() as session:
        rows = session.scalars(select(Channel).where(Channel.kind == Kind.SMS).order_by(Channel.id))
        return [each.stopped_at is not None for each in rows]


# ---- STOP and START


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("STOP", Wish.STOP),
        (" stop. ", Wish.STOP),
        ("Stop texting me please", Wish.STOP),
        ("STOPALL", Wish.STOP),
        ("unsubscribe", Wish.STOP),
        ("END", Wish.STOP),
        ("Cancel", Wish.STOP),
        ("quit", Wish.STOP),
        ("ALTO", Wish.STOP),
        ("START", Wish.START),
        ("unstop", Wish.START),
        ("Cancel my appointment", None),
        ("I want to start", None),
        ("I cannot stop crying", None),
        ("yes", None),
        ("", None),
        ("👍", None),
    ],
)
def test_what_counts_as_a_wish(said: str, expected: Wish | None) -> None:
    assert wish(said) is expected


def test_stop_counts_in_every_clinic_and_start_takes_it_back(database: Database, team: Cast) -> None:
    text(database, NUMBER, Wish.STOP)
    text(database, NUMBER, Wish.STOP)  # delivered twice
    assert stopped(database) == [True, True]
    assert reach(database, team.alice) == "email"  # STOP ends text messages
    assert audited(database) == ["contact.stop"] * 2
    text(database, "(303) 555-0144", Wish.START)
    text(database, NUMBER, Wish.START)
    assert stopped(database) == [False, False]
    assert audited(database) == ["contact.stop"] * 2 + ["contact.start"] * 2


@pytest.mark.parametrize("number", ["+13035550145", "12345", "", "+", "alice@example.org"])
def test_another_number_changes_nothing(database: Database, team: Cast, number: str) -> None:
    text(database, number, Wish.STOP)
    text(database, NUMBER, None)
    assert stopped(database) == [False, False]
    assert audited(database) == []


# ---- Bounces


def report(
    name: str | None = None,
    *,
    to: str = "bounces@clinic.example",
    status: str = "5.1.1",
    action: str = "failed",
    headers_only: bool = False,
) -> bytes:
    """As mail servers write it: RFC 3464, with the original or its headers at the end."""
    original = EmailMessage()
    original["Subject"] = "Your questions are ready"
    if name:
        original["Message-ID"] = f"<{name}@clinic.example>"
    original.set_content("Hello")
    last = original.as_string() if not headers_only else original.as_string().partition("\n\n")[0] + "\n"
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    return f"""\
From: MAILER-DAEMON@mx.example
To: {to}
Message-ID: <{"0" * 20}@mx.example>
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I am sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {ADDRESS}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: {kind}

{last}
--b--
""".encode()


NAME = "3f" * 10


def test_a_report_is_read() -> None:
    expected = Bounce((NAME,), "5.1.1")
    assert bounce(report(NAME)) == expected
    assert bounce(report(NAME, headers_only=True)) == expected
    assert bounce(report(to=f"bounces+{NAME}@clinic.example")) == expected
    assert bounce(report(), f"bounces+{NAME}@clinic.example") == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: Out of office\n\nI am away until Monday.",
        report(),  # says nothing of which
        report(NAME, status="garbled"),
        report(NAME).replace(b"multipart/report", b"multipart/mixed"),
        report(NAME).replace(b"report-type=delivery-status", b"report-type=disposition-notification"),
        report(NAME).replace(b"Final-Recipient", b"X-Nothing"),
        report(NAME + "00"),
    ],
)
def test_any_other_mail_is_no_report(raw: bytes) -> None:
    assert bounce(raw) is None


@pytest.mark.parametrize(
    ("status", "permanent", "gone"),
    [
        ("5.1.1", True, True),
        ("5.2.1", True, True),
        ("5.0.0", True, True),
        ("5.2.2", True, False),  # the mailbox is full
        ("5.1.8", True, False),  # our own address is at fault
        ("5.7.1", True, False),  # our server is not trusted
        ("5.6.0", True, False),
        ("4.4.1", False, False),
        ("4.1.1", False, False),
    ],
)
def test_whose_fault_it_is(status: str, *, permanent: bool, gone: bool) -> None:
    found = Bounce((NAME,), status)
    assert (found.permanent, found.gone) == (permanent, gone)


def come_back(database: Database, name: str, status: str = "5.1.1") -> bool:
    with database.writing() as session:
        return inbound.bounced(session, Bounce((name,), status), at=LATER)


def test_a_permanent_bounce_ends_the_mail_and_tells_the_desk(database: Database, team: Cast, name: str) -> None:
    assert come_back(database, name)
    assert come_back(database, name)  # delivered twice
    assert reach(database, team.alice) == "sms"
    assert audited(database) == ["message.failed"] + ["contact.undeliverable"] * 2
    with database.reading() as session:
        (line,) = outbox.trouble(session, by=team.cora)
        assert (line.public_id, str(line.state), line.reason) == (name, "refused", "bounced 5.1.1")


def test_a_temporary_one_is_only_noted(database: Database, team: Cast, name: str) -> None:
    assert come_back(database, name, "4.4.1")
    assert reach(database, team.alice) == "email"
    assert audited(database) == ["message.delayed"]


def test_a_distrusted_server_does_not_cost_every_patient_the_address(database: Database, team: Cast, name: str) -> None:
    assert come_back(database, name, "5.7.1")
    assert reach(database, team.alice) == "email"
    with database.reading() as session:
        assert len(outbox.trouble(session, by=team.cora)) == 1


def test_what_never_left_cannot_come_back(database: Database, team: Cast) -> None:
    name = sent(database, "email", ADDRESS, sent_at=None)
    assert not come_back(database, name)
    assert not come_back(database, NAME)
    assert reach(database, team.alice) == "email"


def test_a_bounce_of_what_staff_took_for_arrived_is_their_trouble_again(
    database: Database, team: Cast, name: str
) -> None:
    facts = {"unclear_at": NOON, "sent_at": None, "settled_at": NOON, "settled_by": team.cora.id}
    with database.writing() as session:
        session.execute(update(Message).values(settled_as="arrived", **facts))
    come_back(database, name)
    with database.reading() as session:
        assert [each.public_id for each in outbox.trouble(session, by=team.cora)] == [name]


@pytest.mark.parametrize(
    ("gone", "stopped_too", "expected"),
    [(True, False, (True, False)), (False, True, (False, True)), (False, False, (False, False))],
)
def test_the_gateway_says_later_that_an_sms_did_not_arrive(
    database: Database, team: Cast, *, gone: bool, stopped_too: bool, expected: tuple[bool, bool]
) -> None:
    sent(database, "sms", NUMBER, provider_id="SM1")
    with database.writing() as session:
        for _ in range(2):
            assert inbound.reported(session, "SM1", "undelivered 1", gone=gone, stopped=stopped_too, at=LATER)
        assert not inbound.reported(session, "SM2", "undelivered 1", gone=True, stopped=False, at=LATER)
        row = session.scalars(select(Channel).where(Channel.kind == Kind.SMS)).first()
        assert (row.undeliverable_at is not None, row.stopped_at is not None) == expected
        assert len(outbox.trouble(session, by=team.cora)) == 1


def test_a_report_that_comes_before_the_gateways_id_is_stored(database: Database, team: Cast) -> None:
    name = sent(database, "sms", NUMBER, sent_at=None, sending_at=NOON)
    with database.writing() as session:
        assert inbound.being_sent(session)
        assert not inbound.reported(session, "SM1", "undelivered 1", gone=True, stopped=False, at=LATER)
        session.execute(update(Message).values(sent_at=NOON, provider_id="SM1"))
        assert not inbound.being_sent(session)
        assert inbound.reported(session, name, "undelivered 1", gone=True, stopped=False, at=LATER)  # by our own id
        assert len(outbox.trouble(session, by=team.cora)) == 1


def test_the_command_of_the_mail_server(
    database: Database, database_url: str, team: Cast, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    for variable, value in {**ENVIRONMENT, "DATABASE_URL": database_url, "DATA_DIRECTORY": str(tmp_path)}.items():
        monkeypatch.setenv(variable, value)
    run = CliRunner().invoke
    for mail in (b"Subject: Hello\n\nHello", report(NAME), report(name)):
        result = run(command, ["--recipient", "bounces@clinic.example"], input=mail)
        assert (result.exit_code, result.output) == (0, "")
    assert reach(database, team.alice) == "sms"
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert run(command, [], input=report(name)).exit_code == 75  # keep it, and try again
    monkeypatch.setenv("DATABASE_URL", "no address at all")
    assert run(command, [], input=report(name)).exit_code == 75
    monkeypatch.setattr(inbound, "bounced", None)  # whatever is wrong with us
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run(command, [], input=report(name)).exit_code == 75
