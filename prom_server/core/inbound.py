"""What comes back from telephones and mail servers, as far as it concerns us: a wish to hear no more, or a failure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from enum import StrEnum


class Wish(StrEnum):
    STOP = "stop"
    START = "start"


# The words that the networks in the United States take for it, and the Spanish ones of our own messages.
# (Twilio, "Support for opt-out keywords": STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT; START, YES, UNSTOP.)
_STOP = {"stop", "stopall", "unsubscribe", "end", "cancel", "quit", "alto", "parar", "cancelar"}
_START = {"start", "unstop"}  # YES is left out: it answers too many other questions


def wish(text: str) -> Wish | None:
    """One word alone; or whatever begins with STOP. Anything else is not for us."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z]+", plain)
    if words and (words[0] == "stop" or (len(words) == 1 and words[0] in _STOP)):
        return Wish.STOP
    return Wish.START if len(words) == 1 and words[0] in _START else None


# RFC 3463, 3.1 to 3.3: nothing said; no such mailbox or domain, moved; mailbox disabled. Not: a full mailbox (2.2), or
# what is wrong with the sender (1.7, 1.8).
_GONE = {"0.0", "1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.0", "2.1"}


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. `names`: the public ids that it may be about, from our own marks in it and nothing else."""

    names: tuple[str, ...]
    status: str  # "5.1.1"

    @property
    def permanent(self) -> bool:
        return self.status.startswith("5.")

    @property
    def gone(self) -> bool:
        """The address or its mailbox is at fault, or nothing is said of what is; not our server, the way, the words."""
        return self.permanent and self.status.removeprefix("5.") in _GONE


_NAME = re.compile(r"[0-9a-f]{20}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_TO_US = ("To", "Delivered-To", "X-Original-To")


def bounce(raw: bytes, recipient: str | None = None) -> Bounce | None:
    """A mail server's report (RFC 3464) on one of our messages; None for any other mail. Raises nothing.

    `recipient`: the address that it was sent to, as the mail server hands it over.
    """
    mail = message_from_bytes(raw)
    if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
        return None
    status = _status(mail)
    marked = [recipient or "", *(str(value) for name in _TO_US for value in mail.get_all(name, []))]
    names = [*(name for each in marked for name in _after_plus(each)), *_original(mail)]
    return Bounce(tuple(dict.fromkeys(names)), status) if status and names else None


def _status(mail: Mail) -> str | None:
    """Of the one recipient that our messages have; the worst where a server reports on more."""
    found = [_STATUS.match(str(block.get("Status", "")).strip()) for block in _blocks(mail)]
    failed = [str(block.get("Action", "")).strip().lower() for block in _blocks(mail)]
    statuses = sorted(each[0] for each, action in zip(found, failed, strict=True) if each and action != "relayed")
    return statuses[-1] if statuses else None


def _blocks(mail: Mail) -> Iterator[Mail]:
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks := part.get_payload(), list):
            yield from (each for each in blocks if isinstance(each, Mail) and "Final-Recipient" in each)


def _after_plus(address: str) -> list[str]:
    """bounces+3f…@clinic.example: the message's own name in the address that its failure is reported to."""
    return re.findall(r"\+(" + _NAME.pattern + r")@", address)


def _original(mail: Mail) -> Iterator[str]:
    """The Message-ID of the mail that is sent back, whole or its headers only."""
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            part = message_from_bytes(payload if isinstance(payload, bytes) else b"")
        elif part.get_content_maintype() == "multipart" or "Message-ID" not in part:
            continue
        yield from re.findall(r"^<(" + _NAME.pattern + r")@", str(part.get("Message-ID", "")).strip())
