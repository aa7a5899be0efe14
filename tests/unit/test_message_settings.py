"""Settings of messages: wrong ones stop the start with one sentence each; live is never a default."""

from pathlib import Path

import pytest

from prom_server.message_settings import Mail, MessageSettings, read
from prom_server.settings import InvalidSettings, Settings

MAIL = {"SMTP_URL": "smtp://user:p%40ss@mail.example.org:2525", "MAIL_FROM": "clinic@example.org"}
SMS = {
    "SMS_URL": "https://sms.example.org/send",
    "SMS_FROM": "Clinic",
    "SMS_FIELDS": '{"to": "{to}", "text": "{text}"}',
}


def problems(**environment: str) -> list[str]:
    found: list[str] = []
    read(environment, found)
    return found


def chosen(**environment: str) -> MessageSettings:
    found: list[str] = []
    settings = read(environment, found)
    assert found == []
    return settings


def test_nothing_is_set_and_nothing_leaves() -> None:
    assert chosen() == MessageSettings(live=False, host=None, mail=None, sms=None, jobs=True)
    assert chosen(JOBS="off").jobs is False


def test_mail() -> None:
    settings = chosen(**MAIL, MAIL_BOUNCES="bounces@example.net")
    assert settings.mail == Mail(
        "mail.example.org", 2525, False, "user", "p@ss", "clinic@example.org", "bounces@example.net"
    )
    assert settings.mail.starttls
    assert settings.live is False  # a mail server alone makes nothing live


@pytest.mark.parametrize(
    ("url", "port", "tls", "starttls"),
    [
        ("smtp://mail.example.org", 587, False, True),
        ("smtps://mail.example.org", 465, True, False),
        ("smtp://localhost", 25, False, False),
        ("smtp://[::1]:26", 26, False, False),
    ],
)
def test_how_the_line_is_encrypted(url: str, port: int, tls: bool, starttls: bool) -> None:
    mail = chosen(SMTP_URL=url, MAIL_FROM="a@example.org").mail
    assert mail is not None
    assert (mail.port, mail.tls, mail.starttls) == (port, tls, starttls)


@pytest.mark.parametrize(
    "url",
    ["mail.example.org:25", "http://mail.example.org", "smtp://", "smtp://h:port", "smtp://h/path", "smtp://[::1"],
)
def test_a_mail_server_that_is_none(url: str) -> None:
    (sentence,) = problems(SMTP_URL=url, MAIL_FROM="a@example.org")
    assert sentence.startswith("SMTP_URL must look like smtp://")


NO_SENDERS = ["", "clinic", "clinic@localhost", "Clinic <a@example.org>", "ä@example.org", "a,b@c.org"]


@pytest.mark.parametrize("address", NO_SENDERS)
def test_a_sender_that_is_none(address: str) -> None:
    assert problems(SMTP_URL="smtp://localhost", MAIL_FROM=address) == [
        "MAIL_FROM must be the address that mail comes from, such as clinic@example.org."
    ]


def test_live_needs_this_machine_s_name_and_a_way_out() -> None:
    assert [each.split()[0] for each in problems(MESSAGES="live")] == ["MESSAGES_HOST", "MESSAGES=live"]
    assert problems(MESSAGES="live", MESSAGES_HOST="clinic-server", **MAIL) == []
    assert problems(MESSAGES="on") == ["MESSAGES must be log or live."]
    assert problems(JOBS="sometimes") == ["JOBS must be embedded or off."]


def test_a_wrong_message_setting_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"MESSAGES_HOST must name the machine"):
        Settings.from_environment({"DATA_DIRECTORY": str(tmp_path), "MESSAGES": "live", **MAIL})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SMS_URL": "http://sms.example.org"}, "SMS_URL must be an https address"),
        ({"SMS_URL": "https://user:secret@sms.example.org"}, "SMS_URL must be an https address"),
        ({"SMS_FROM": ""}, "SMS_FROM must be"),
        ({"SMS_FIELDS": "to=1"}, "SMS_FIELDS must be a JSON object"),
        ({"SMS_FIELDS": '{"to": "{to}"}'}, "SMS_FIELDS or SMS_URL must say"),
        ({"SMS_HEADERS": "[]"}, "SMS_HEADERS must be a JSON object"),
        ({"SMS_METHOD": "DELETE"}, "SMS_METHOD must be"),
        ({"SMS_BODY": "xml"}, "SMS_BODY must be form or json"),
        ({"SMS_ACCEPTED": "200,404"}, "SMS_ACCEPTED must list"),
        ({"SMS_PRESET": "other"}, "SMS_PRESET must be twilio"),
        ({"SMS_PRESET": "twilio"}, "SMS_PRESET=twilio needs SMS_USER"),
    ],
)
def test_a_gateway_that_is_described_wrongly(change: dict[str, str], sentence: str) -> None:
    found = problems(**{**SMS, **change})
    assert any(each.startswith(sentence) for each in found), found


def test_a_gateway_that_takes_all_in_its_address() -> None:
    sms = chosen(SMS_URL="https://sms.example.org/?to={to}&text={text}", SMS_FROM="Clinic", SMS_METHOD="GET").sms
    assert sms is not None
    assert sms.fields == {}


def test_no_secret_is_shown() -> None:
    settings = chosen(**MAIL, **SMS, SMS_USER="us", SMS_PASSWORD="hidden-1", SMS_HEADERS='{"X-Key": "hidden-2"}')
    assert "hidden" not in repr(settings)
    assert "p@ss" not in repr(settings)
