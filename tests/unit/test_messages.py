"""E-mail and SMS leave as they should, and each way in which another server fails is told apart: clear or unclear."""

import contextlib
import email
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from prom_server.core.messages import (
    BACK_OFF,
    Envelope,
    Later,
    MessageFacts,
    Never,
    Outcome,
    Sent,
    State,
    Unclear,
    next_try,
    state_of,
)
from prom_server.message_settings import Mail, MessageSettings, Sms, read
from prom_server.messages import email as mail_way
from prom_server.messages import live
from prom_server.messages import sms as sms_way
from tests.support.ports import free_port
from tests.support.sms_stub import Answer, SmsStub
from tests.support.smtp_stub import Behaviour, SmtpStub
from tests.support.tls_proxy import certificate

NOON = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
LETTER = Envelope(
    7, "0a1b2c3d4e5f6a7b8c9d", NOON, "email", "alice@example.org", "Ihre Fragen sind bereit – ñ",
    ".beginning with a dot\n.\nüber https://prom.example.org/a/token\n", "Harbour Street Clinic", "desk@example.org",
    "https://prom.example.org/a/token/reminders",
)  # fmt: skip
TEXT = Envelope(8, "1a1b2c3d4e5f6a7b8c9d", NOON, "sms", "+13035550142", None, "Hello & good day? {to} ñ")


def mail(port: int, **changes: object) -> Mail:
    facts = {"tls": False, "user": None, "password": None, "sender": "clinic@example.org", "bounces": None, **changes}
    return Mail(host="127.0.0.1", port=port, **facts)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_way, "STEP_SECONDS", 2)
    monkeypatch.setattr(mail_way, "LAST_SECONDS", 0.3)
    monkeypatch.setattr(sms_way, "STEP_SECONDS", 0.5)


# ---- E-mail

CLEAR_TRY_LATER = {
    Behaviour.BUSY_AT_HELLO: Later("busy", everybody=True),
    Behaviour.REFUSE_SENDER: Later("sender", everybody=True),
    Behaviour.BUSY_AT_RECIPIENT: Later("busy"),
    Behaviour.REFUSE_DATA: Later("busy"),
    Behaviour.DROP_IN_DATA: None,  # whether the dot was handed over before the line broke is a race: either is true
    Behaviour.BUSY_AT_END: Later("busy"),
}
OUTCOMES: dict[Behaviour, Outcome | None] = {
    Behaviour.ACCEPT: Sent(),
    **CLEAR_TRY_LATER,
    Behaviour.NO_SUCH_MAILBOX: Never("address", gone=True),
    Behaviour.NO_RELAYING: Never("policy"),
    Behaviour.REFUSE_CONTENT: Never("content"),
    Behaviour.STALL_AND_ACCEPT: Sent(),
    Behaviour.STALL_AND_DROP: Unclear("no_answer"),
    Behaviour.TAKE_AND_DROP: Unclear("no_answer"),
    Behaviour.TAKE_AND_BABBLE: Unclear("garbled"),
}


@pytest.mark.parametrize("behaviour", list(Behaviour))
def test_what_a_mail_server_does_is_told_apart(behaviour: Behaviour) -> None:
    with SmtpStub(lambda: behaviour, stall=0.1) as stub:
        outcome = mail_way.send(mail(stub.port), LETTER, at=NOON)
    expected = OUTCOMES[behaviour]
    if expected is not None:
        assert outcome == expected
    else:
        assert outcome in {Later("no_connection", everybody=True), Unclear("no_answer")}
    # The judge: nothing that was taken is called clearly not sent, nothing that was not taken is called sent.
    if stub.taken:
        assert isinstance(outcome, Sent | Unclear)
    else:
        assert not isinstance(outcome, Sent)


def test_a_silent_end_is_unclear_and_does_not_last_for_ever() -> None:
    with SmtpStub(lambda: Behaviour.STALL_AND_ACCEPT, stall=1.5) as stub:
        assert mail_way.send(mail(stub.port), LETTER, at=NOON) == Unclear("no_answer")


def test_a_server_that_talks_drop_by_drop_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_way, "AT_MOST", 0.3)
    with _dripping() as port:
        assert mail_way.send(mail(port), LETTER, at=NOON) == Later("busy", everybody=True)


@contextlib.contextmanager
def _dripping() -> Iterator[int]:
    """A server that sends a byte of its greeting every tenth of a second, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        line, _address = listener.accept()
        with line, contextlib.suppress(OSError):
            while not over.wait(0.1):
                line.sendall(b"2")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listener.close()


def test_a_server_that_is_not_there_is_clear() -> None:
    assert mail_way.send(mail(free_port()), LETTER, at=NOON) == Later("no_connection", everybody=True)


def test_a_name_that_is_not_known_is_clear() -> None:
    nowhere = Mail("mail.invalid", 25, False, None, None, "clinic@example.org", None)
    assert mail_way.send(nowhere, LETTER, at=NOON) == Later("no_connection", everybody=True)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake() -> None:
            line, _address = listener.accept()
            with line, contextlib.suppress(OSError):
                context.wrap_socket(line, server_side=True)

        thread = threading.Thread(target=shake)
        thread.start()
        outcome = mail_way.send(mail(listener.getsockname()[1], tls=True), LETTER, at=NOON)
        thread.join()
    assert outcome == Later("tls", everybody=True)


def test_a_server_without_starttls_hears_neither_password_nor_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prom_server.message_settings.LOOPBACK", set())  # as if it were another machine
    with SmtpStub() as stub:
        outcome = mail_way.send(mail(stub.port, user="u", password="p"), LETTER, at=NOON)
        assert (outcome, stub.senders) == (Later("tls", everybody=True), [])


def test_the_letter_as_it_leaves() -> None:
    with SmtpStub() as stub:
        assert mail_way.send(mail(stub.port, bounces="bounces@example.net"), LETTER, at=NOON) == Sent()
    (text,) = stub.texts
    letter = email.message_from_string(text, policy=default)
    assert stub.senders == [f"mail FROM:<bounces+{LETTER.public_id}@example.net>"]
    assert letter["Message-ID"] == f"<{LETTER.public_id}@example.org>"
    assert letter["From"] == "Harbour Street Clinic <clinic@example.org>"
    assert (letter["To"], letter["Reply-To"]) == ("alice@example.org", "desk@example.org")
    assert letter["Subject"] == LETTER.subject
    assert letter["Date"].datetime == NOON
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"] == f"<{LETTER.unsubscribe_url}>"
    assert letter.get_content().replace("\r\n", "\n") == LETTER.body
    assert text.isascii()


def test_dots_at_the_beginning_of_lines_survive() -> None:
    assert mail_way._quoted(b".a\r\n..\r\n.\r\nb") == b"..a\r\n...\r\n..\r\nb\r\n"


@pytest.mark.parametrize("reply_to", ["a@", "@", "desk@example..org", "desk at example.org", "a@[", "a@b\r\nBcc: c@d"])
def test_an_answer_to_nowhere_costs_no_letter(reply_to: str) -> None:
    with SmtpStub() as stub:
        letter = Envelope(7, "x", NOON, "email", "a@example.org", "s", "t", reply_to=reply_to)
        assert mail_way.send(mail(stub.port), letter, at=NOON) == Sent()
        assert "Reply-To" not in stub.texts[0]


def test_a_line_break_in_a_header_sends_nothing() -> None:
    with SmtpStub() as stub:
        forged = Envelope(7, "x", NOON, "email", "a@example.org", "Hello\r\nBcc: b@example.org", "text")
        assert mail_way.send(mail(stub.port), forged, at=NOON) == Never("unsendable")
        for address in ("ä@b", "a@", "a@b..c", "@", "", ".@.", "a b@c", "a@[", "a@b,"):
            letter = Envelope(7, "x", NOON, "email", address, "s", "t")
            assert mail_way.send(mail(stub.port), letter, at=NOON) == Never("unsendable"), address
        assert stub.met == {}


@pytest.mark.parametrize(
    ("code", "words", "outcome"),
    [
        (550, b"no such user", Never("address", gone=True)),
        (553, b"5.1.3 bad address", Never("address", gone=True)),
        (550, b"5.2.1 disabled", Never("address", gone=True)),
        (552, b"too much", Later("busy")),
        (550, b"5.2.2 mailbox full", Later("busy")),
        (554, b"5.7.1 policy", Never("policy")),
        (554, b"no", Never("policy")),
        (421, b"closing", Later("busy", everybody=True)),
        (-1, b"", Later("busy", everybody=True)),
    ],
)
def test_only_what_is_said_of_the_mailbox_marks_the_address(code: int, words: bytes, outcome: Outcome) -> None:
    assert mail_way._recipient_refused(code, words) == outcome


# ---- SMS


def gateway(url: str, **environment: str) -> Sms:
    problems: list[str] = []
    wanted = {"SMS_URL": url, "SMS_FROM": "+15550100", "SMS_FIELDS": '{"to": "{to}", "text": "{text}"}', **environment}
    found = read(wanted, problems).sms
    assert found is not None, problems
    return found


def test_an_sms_as_twilio_takes_it() -> None:
    with SmsStub() as stub:
        problems: list[str] = []
        preset = {"SMS_PRESET": "twilio", "SMS_USER": "AC1", "SMS_PASSWORD": "secret", "SMS_FROM": "+15550100"}
        assert (chosen := read(preset, problems).sms) is not None
        assert chosen.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
        assert chosen.method == "POST"
        here = gateway(f"{stub.url}/Messages.json", **preset, SMS_FIELDS="")
        assert sms_way.send(here, TEXT) == Sent("SM1")
    (asked,) = stub.asked
    assert asked.headers["Authorization"] == "Basic QUMxOnNlY3JldA=="
    assert parse_qs(asked.body) == {"To": [TEXT.address], "From": ["+15550100"], "Body": [TEXT.body]}


def test_a_request_of_ones_own_in_json() -> None:
    fields = {"messages": [{"to": ["{to}"], "from": "{from}", "text": "{text}", "ref": "{id}", "n": 1}]}
    with SmsStub(Answer(202, {"data": [{"id": 77}]})) as stub:
        here = gateway(
            f"{stub.url}/v1/{{id}}?to={{to}}", SMS_METHOD="PUT", SMS_BODY="json", SMS_FIELDS=json.dumps(fields),
            SMS_HEADERS='{"Idempotency-Key": "{id}"}', SMS_ID="data.0.id",
        )  # fmt: skip
        assert sms_way.send(here, TEXT) == Sent("77")
    (asked,) = stub.asked
    assert (asked.method, asked.path) == ("PUT", f"/v1/{TEXT.public_id}?to=%2B13035550142")
    assert asked.headers["Idempotency-Key"] == TEXT.public_id
    entry = {"to": [TEXT.address], "from": "+15550100", "text": TEXT.body, "ref": TEXT.public_id, "n": 1}
    assert json.loads(asked.body) == {"messages": [entry]}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), Sent("SM1")),
        (Answer(200, {}), Unclear("garbled")),  # an error in a friendly envelope
        (Answer(204, {}), Unclear("gateway_error")),
        (Answer(302, {}), Later("gateway_settings", everybody=True)),
        (Answer(400, {"code": 1}), Never("gateway_refused")),
        (Answer(400, {"code": 21211}), Never("address", gone=True)),
        (Answer(400, {"code": 21610}), Never("stopped", stopped=True)),
        (Answer(401, {}), Later("gateway_settings", everybody=True)),
        (Answer(403, {}), Later("gateway_settings", everybody=True)),
        (Answer(429, {}), Later("busy", everybody=True)),
        (Answer(500, {}), Unclear("gateway_error")),
        (Answer(502, {}), Unclear("gateway_error")),
        (Answer(503, {}), Later("busy", everybody=True)),
        (Answer(stall=1), Unclear("no_answer")),
        (Answer(drop=True), Unclear("no_answer")),
    ],
)
def test_what_a_gateway_answers_is_told_apart(answer: Answer, outcome: Outcome) -> None:
    with SmsStub(answer) as stub:
        here = gateway(stub.url, SMS_ID="sid", SMS_ERROR="code", SMS_GONE="21211", SMS_STOPPED="21610")
        assert sms_way.send(here, TEXT) == outcome
        assert len(stub.asked) == 1  # never asked again by itself


def test_a_gateway_that_is_not_there_is_clear() -> None:
    assert sms_way.send(gateway(f"http://127.0.0.1:{free_port()}"), TEXT) == Later("no_connection", everybody=True)


# ---- Whether messages leave at all


@pytest.mark.parametrize(
    ("chosen", "fine"),
    [
        (MessageSettings(), False),
        (MessageSettings(live=False, host=socket.gethostname()), False),
        (MessageSettings(live=True, host="another-machine"), False),
        (MessageSettings(live=True, host=None), False),
        (MessageSettings(live=True, host=socket.gethostname()), True),
        (MessageSettings(live=True, host=f"worker-1, {socket.gethostname()},worker-2"), True),
        (MessageSettings(live=True, host=f"{socket.gethostname()}-2,worker-2"), False),
    ],
)
def test_live_needs_the_mode_and_this_machine_s_name(
    monkeypatch: pytest.MonkeyPatch, chosen: MessageSettings, fine: bool
) -> None:
    monkeypatch.setattr(live, "_bound", [(chosen, "https://prom.example.org")])
    assert live.is_live() is fine
    assert (live.warning() is not None) is (chosen.live and not fine)


def test_a_channel_that_is_not_set_up_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_bound", [(MessageSettings(live=True, host=socket.gethostname()), "")])
    assert live.send(LETTER, at=NOON) == Later("not_configured", everybody=True)


def test_an_envelope_tells_a_log_nothing() -> None:
    shown = repr(LETTER)
    for secret in (LETTER.address, "token", "über", "Fragen"):
        assert secret not in shown


# ---- States


def test_states_from_facts() -> None:
    minute = timedelta(minutes=1)
    assert state_of(MessageFacts(), NOON) is State.WAITING
    sending = MessageFacts(sending_at=NOON, leased_until=NOON + minute)
    assert state_of(sending, NOON) is State.SENDING
    assert state_of(sending, NOON + minute) is State.UNCLEAR
    assert state_of(MessageFacts(sending_at=NOON, sent_at=NOON), NOON) is State.SENT
    assert state_of(MessageFacts(sending_at=NOON, sent_at=NOON, refused_at=NOON), NOON) is State.REFUSED  # a bounce
    assert state_of(MessageFacts(logged_at=NOON), NOON) is State.LOGGED
    assert state_of(MessageFacts(cancelled_at=NOON), NOON) is State.CANCELLED


def test_tries_end_after_two_days() -> None:
    at, tries = NOON, 1
    while (again := next_try(tries, at, "reminder")) is not None:
        assert again > at
        at, tries = again, tries + 1
    assert tries == len(BACK_OFF) + 1
    assert timedelta(days=1) < at - NOON < timedelta(days=2)
