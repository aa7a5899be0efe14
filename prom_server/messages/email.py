"""E-mail by SMTP. Each step of the conversation knows whether the message can have left: see the table in
docs/decisions/0023-never-twice.md. Sources: RFC 5321 (replies, the end of the data), RFC 3463 (enhanced status codes).
"""

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from prom_server.core.messages import Envelope, Later, Never, Outcome, Sent, Unclear
from prom_server.message_settings import Mail
from prom_server.messages.deadline import deadline

STEP_SECONDS = 30  # for each answer
LAST_SECONDS = 300  # after the data: RFC 5321 asks for ten minutes, as servers look for spam then
AT_MOST = 480  # seconds of a whole conversation; services.delivering.LEASE is longer

POLICY = SMTP.clone(cte_type="7bit")  # no server needs to know 8BITMIME
_ENHANCED = re.compile(rb"^\s*5\.(\d{1,3})\.(\d{1,3})\b")
_BAD_MAILBOX = {b"1.1", b"1.2", b"1.3", b"1.6", b"1.10", b"2.1"}  # RFC 3463: no such mailbox or domain, moved, disabled
_FULL = b"2.2"
# A line break in a header, an address that is none: its parser raises what it happens to meet.
UNWRITABLE = (ValueError, LookupError, AttributeError, TypeError, MessageError)


@dataclass(slots=True)
class _Talk:
    """A conversation: what is being tried, and from `ended` on the server may have the whole message."""

    smtp: smtplib.SMTP
    trying: str = "no_connection"
    ended: bool = False


def send(mail: Mail, envelope: Envelope, *, at: datetime) -> Outcome:
    """Hands the message to the mail server, and says what is known of it afterwards."""
    try:
        data = written(mail, envelope, at=at).as_bytes()
        envelope.address.encode("ascii")
    except UNWRITABLE:
        return Never("unsendable")
    talk = _Talk(_smtp(mail))
    try:
        with deadline(AT_MOST, lambda: talk.smtp.sock):
            return _conversation(talk, mail, envelope, data)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if talk.ended:
            return Unclear("no_answer")
        return Later("tls" if isinstance(error, ssl.SSLError) else talk.trying, everybody=True)
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            talk.smtp.putcmd("quit")
        talk.smtp.close()


def _smtp(mail: Mail) -> smtplib.SMTP:
    if mail.tls:
        return smtplib.SMTP_SSL(local_hostname=mail.domain, timeout=STEP_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(local_hostname=mail.domain, timeout=STEP_SECONDS)


def _conversation(talk: _Talk, mail: Mail, envelope: Envelope, data: bytes) -> Outcome:
    _greet(talk, mail)
    code, _words = talk.smtp.mail(envelope_sender(mail, envelope))
    if code != 250:
        return Later("sender" if code >= 500 else "busy", everybody=True)
    code, words = talk.smtp.rcpt(envelope.address)
    if code not in {250, 251}:
        return _recipient_refused(code, words)
    code, _words = talk.smtp.docmd("DATA")
    if code != 354:
        return _content_refused(code)
    talk.smtp.send(_quoted(data))  # without its end a server must not take it
    talk.ended = True
    if talk.smtp.sock is not None:
        talk.smtp.sock.settimeout(LAST_SECONDS)
    talk.smtp.send(b".\r\n")
    code, _words = talk.smtp.getreply()
    if 200 <= code < 300:
        return Sent()
    return _content_refused(code) if code >= 400 else Unclear("garbled")


def _greet(talk: _Talk, mail: Mail) -> None:
    """Hello, encryption, sign-in. Raises what smtplib raises; `talk.trying` says at what."""
    smtp = talk.smtp
    smtp._host = mail.host  # type: ignore[attr-defined]  # smtplib's own way to know whose certificate to expect
    code, words = smtp.connect(mail.host, mail.port)
    if code != 220:
        talk.trying = "busy"
        raise smtplib.SMTPConnectError(code, words)
    smtp.ehlo_or_helo_if_needed()
    if mail.starttls:
        talk.trying = "tls"
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
    if mail.user is not None:
        talk.trying = "sign_in"
        smtp.login(mail.user, mail.password or "")
    talk.trying = "no_connection"


def _recipient_refused(code: int, words: bytes) -> Outcome:
    """Only what is said of the mailbox marks the address; "no relaying" and the like say nothing about it."""
    found = _ENHANCED.match(words)
    detail = b".".join(found.groups()) if found else None
    if code < 500 or code == 552 or detail == _FULL:  # RFC 5321, 4.5.3.1.10: 552 is to be taken as 452
        return Later("busy", everybody=code in {-1, 421})
    gone = detail in _BAD_MAILBOX if detail else code in {550, 551, 553}
    return Never("address" if gone else "policy", gone=gone)


def _content_refused(code: int) -> Outcome:
    return Never("content") if code >= 500 else Later("busy", everybody=code in {-1, 421})


def _quoted(data: bytes) -> bytes:
    """With doubled dots at the beginning of lines, and a line end at the end."""
    quoted = re.sub(rb"(?m)^\.", b"..", data)
    return quoted if quoted.endswith(b"\r\n") else quoted + b"\r\n"


def envelope_sender(mail: Mail, envelope: Envelope) -> str:
    """Where a bounce goes. With MAIL_BOUNCES it names the message, so that it needs no reading to know whose it is."""
    if mail.bounces is None:
        return mail.sender
    local, _at, domain = mail.bounces.rpartition("@")
    return f"{local}+{envelope.public_id}@{domain}"


def written(mail: Mail, envelope: Envelope, *, at: datetime) -> EmailMessage:
    """The message. Its Message-ID is the same at each try, so that a mailbox can tell a doubled one."""
    message = EmailMessage(policy=POLICY)
    message["Message-ID"] = f"<{envelope.public_id}@{mail.domain}>"
    message["Date"] = format_datetime(at)
    message["From"] = Address(envelope.sender_name or "", addr_spec=mail.sender)
    message["To"] = Address(addr_spec=envelope.address)
    if envelope.reply_to:
        with contextlib.suppress(*UNWRITABLE):  # it is worth no message, least of all an alert
            message["Reply-To"] = Address(addr_spec=envelope.reply_to)
    message["Subject"] = envelope.subject or ""
    message["Auto-Submitted"] = "auto-generated"
    if envelope.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
    message.set_content(envelope.body, charset="utf-8")
    return message
