"""Settings of messages and jobs, from the environment: how mail and SMS leave, and whether they may.

`docs/operating.md` lists every variable. Read by `prom_server.settings`; nothing else reads the environment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from prom_server.core.email_address import is_email

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
TWILIO = "https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json"
TWILIO_FIELDS = {"To": "{to}", "From": "{from}", "Body": "{text}"}
TWILIO_GONE = "21211,21614"  # not a number, not a mobile number
LEAST_SECRET = 20  # characters, of the secret of the gateway's own requests
TWILIO_STOPPED = "21610"  # its owner answered STOP


@dataclass(frozen=True, slots=True)
class Mail:
    """How e-mail leaves. `tls` from the first byte; else STARTTLS is insisted on, but for this machine."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str
    bounces: str | None

    @property
    def starttls(self) -> bool:
        return not self.tls and self.host not in LOOPBACK

    @property
    def domain(self) -> str:
        """Ours: in EHLO and in Message-IDs."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Sms:
    """The request to the gateway. Placeholders {to} {from} {text} {id} stand in the URL, header values and fields."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    fields: Mapping[str, object] = field(repr=False)
    as_json: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str
    accepted: frozenset[int]  # statuses that mean it was taken
    id_path: str | None  # where the gateway's own id is in its answer, "data.0.id"
    error_path: str | None  # where its error code is
    gone: frozenset[str]  # codes: no such number
    stopped: frozenset[str]  # codes: its owner wants none


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """`host`: the machines, by their names, that may write to patients; a backup restored elsewhere may not."""

    live: bool = False
    host: str | None = None
    mail: Mail | None = None
    sms: Sms | None = None
    jobs: bool = True  # in the serving process
    sms_hook_secret: str | None = field(default=None, repr=False)  # what the gateway signs its own requests with

    @property
    def machines(self) -> frozenset[str]:
        return _codes(self.host or "")


def read(environ: Mapping[str, str], problems: list[str]) -> MessageSettings:
    """Appends one sentence to `problems` for each variable that cannot be used."""
    mode = _choice("MESSAGES", environ, ("log", "live"), problems)
    jobs = _choice("JOBS", environ, ("embedded", "off"), problems)
    host = environ.get("MESSAGES_HOST") or None
    mail, sms = _mail(environ, problems), _sms(environ, problems)
    if mode == "live" and not _codes(host or ""):
        problems.append(
            "MESSAGES_HOST must name the machine that sends with MESSAGES=live, several with commas between: on any "
            "other, as after a restored backup, messages wait. `hostname` prints the name."
        )
    if mode == "live" and not (environ.get("SMTP_URL") or _wants_sms(environ)):
        problems.append("MESSAGES=live needs SMTP_URL and MAIL_FROM, or the SMS_ variables.")
    return MessageSettings(mode == "live", host, mail, sms, jobs == "embedded", _hook_secret(environ, sms, problems))


def _choice(name: str, environ: Mapping[str, str], choices: tuple[str, ...], problems: list[str]) -> str:
    chosen = environ.get(name) or choices[0]
    if chosen not in choices:
        problems.append(f"{name} must be {' or '.join(choices)}.")
        return choices[0]
    return chosen


# ---- E-mail


def _mail(environ: Mapping[str, str], problems: list[str]) -> Mail | None:
    url, sender, bounces = (environ.get(name) or None for name in ("SMTP_URL", "MAIL_FROM", "MAIL_BOUNCES"))
    if url is None:
        return None
    if sender is None or not _is_address(sender):
        problems.append("MAIL_FROM must be the address that mail comes from, such as clinic@example.org.")
        return None
    if bounces is not None and not _is_address(bounces):
        problems.append("MAIL_BOUNCES must be an address, such as bounces@example.org.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that do not close, a port that is none
        host, parts, port = None, urlsplit(""), None
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"}:
        problems.append("SMTP_URL must look like smtp://user:password@mail.example.org:587, or begin with smtps://.")
        return None
    tls = parts.scheme == "smtps"
    user, password = (unquote(each) if each else None for each in (parts.username, parts.password))
    usual = 465 if tls else 25 if host in LOOPBACK else 587
    return Mail(host, port or usual, tls, user, password, sender, bounces)


def _is_address(text: str) -> bool:
    return len(text) <= 200 and is_email(text)  # a bounce adds its message to it


# ---- SMS


def _wants_sms(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("SMS_PRESET") or environ.get("SMS_URL"))


def _sms(environ: Mapping[str, str], problems: list[str]) -> Sms | None:
    if not _wants_sms(environ):
        return None
    known = len(problems)
    preset = environ.get("SMS_PRESET") or None
    if preset not in {None, "twilio"}:
        problems.append("SMS_PRESET must be twilio, or left out for a gateway of your own.")
    twilio = preset == "twilio"
    if not environ.get("SMS_FROM"):
        problems.append("SMS_FROM must be the number or name that SMS come from.")
    url = _sms_url(environ, twilio, problems)
    text = "{to} {from} {text} {id}"
    fields = _object("SMS_FIELDS", environ, TWILIO_FIELDS if twilio else {}, problems)
    if "{text}" not in url + json.dumps(fields) or "{to}" not in url + json.dumps(fields):
        problems.append(f"SMS_FIELDS or SMS_URL must say where number and text go, with the placeholders {text}.")
    sms = Sms(
        method=_choice("SMS_METHOD", environ, ("POST", "PUT", "GET"), problems),
        url=url,
        headers={name: str(value) for name, value in _object("SMS_HEADERS", environ, {}, problems).items()},
        fields=fields,
        as_json=_choice("SMS_BODY", environ, ("form", "json"), problems) == "json",
        user=environ.get("SMS_USER") or None,
        password=environ.get("SMS_PASSWORD") or None,
        sender=environ.get("SMS_FROM") or "",
        accepted=_statuses(environ, problems),
        id_path=environ.get("SMS_ID") or ("sid" if twilio else None),
        error_path=environ.get("SMS_ERROR") or ("code" if twilio else None),
        gone=_codes(environ.get("SMS_GONE") or (TWILIO_GONE if twilio else "")),
        stopped=_codes(environ.get("SMS_STOPPED") or (TWILIO_STOPPED if twilio else "")),
    )
    return sms if len(problems) == known else None


def _hook_secret(environ: Mapping[str, str], sms: Sms | None, problems: list[str]) -> str | None:
    """Twilio signs with the account's token, which it has already."""
    secret = environ.get("SMS_HOOK_SECRET") or None
    if secret is not None and len(secret) < LEAST_SECRET:
        problems.append(f"SMS_HOOK_SECRET must have at least {LEAST_SECRET} characters.")
    return secret or (sms.password if sms and environ.get("SMS_PRESET") == "twilio" else None)


def _sms_url(environ: Mapping[str, str], twilio: bool, problems: list[str]) -> str:
    if twilio and not (environ.get("SMS_USER") and environ.get("SMS_PASSWORD")):
        problems.append("SMS_PRESET=twilio needs SMS_USER, the account's SID, and SMS_PASSWORD, its token.")
    url = environ.get("SMS_URL") or (TWILIO.replace("{account}", environ.get("SMS_USER", "")) if twilio else "")
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        fine = fine and bool(parts.hostname) and (parts.port is None or parts.port > 0) and not parts.username
    except ValueError:
        fine = False
    if not fine:
        problems.append("SMS_URL must be an https address; user and password go into SMS_USER and SMS_PASSWORD.")
    return url


def _object(
    name: str, environ: Mapping[str, str], default: Mapping[str, object], problems: list[str]
) -> Mapping[str, object]:
    text = environ.get(name)
    if not text:
        return default
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        problems.append(f'{name} must be a JSON object, such as {{"to": "{{to}}", "text": "{{text}}"}}.')
        return default
    return found


def _statuses(environ: Mapping[str, str], problems: list[str]) -> frozenset[int]:
    codes = _codes(environ.get("SMS_ACCEPTED") or "200,201,202")
    if not all(each.isascii() and each.isdigit() and 200 <= int(each) <= 299 for each in codes):
        problems.append("SMS_ACCEPTED must list statuses from 200 to 299, such as 200,202.")
        return frozenset()
    return frozenset(int(each) for each in codes)


def _codes(text: str) -> frozenset[str]:
    return frozenset(each.strip() for each in text.split(",") if each.strip())
