"""The words of messages: the clinic's own where it has some, else the shipped ones. Changes are appended."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from prom_server.core import contacts, message_words
from prom_server.core.message_words import (
    KINDS,
    LONGEST_SUBJECT,
    Kind,
    Preview,
    Version,
    Words,
    WordsLine,
    WordsPage,
    fill_in,
    kind_named,
)
from prom_server.core.permissions import Action, ClinicFacts, StaffMember, require
from prom_server.core.preferences import LANGUAGES
from prom_server.core.refusals import NotFound, Refused
from prom_server.resources import directory
from prom_server.services import audit, links, outbox
from prom_server.store.clinics import Clinic, MessageTemplate
from prom_server.store.outbox import Message
from prom_server.store.staff import Staff

# As long as a real one, so that the length of an SMS is right.
MADE_UP_TOKEN = "example" + "0" * 20


class NoOwnMobile(Refused):
    """No mobile number is recorded for the person who asks for a test."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A message's words with everything in its place."""

    subject: str | None = field(repr=False)
    body: str = field(repr=False)


@cache
def shipped(kind: Kind) -> Words:
    """The first line of an e-mail's file is its subject."""
    said = _file(f"{kind.channel}/{kind.purpose}.{kind.language}.txt")
    if kind.channel == "sms":
        return Words(None, said)
    subject, _, body = said.partition("\n")
    return Words(subject.strip(), body.strip())


@cache
def _file(name: str) -> str:
    return (directory("templates") / name).read_text(encoding="utf-8").strip()


def filled(
    session: Session, purpose: str, channel: str, language: str, clinic: Clinic, *, link: str, stop: str | None
) -> Filled:
    """What is sent: the words in force, and for patients how to stop, which no clinic can leave out."""
    kind = _kind(purpose, channel, language)
    row = _newest(session, clinic.id, kind)
    words = shipped(kind) if row is None or row.body is None else Words(row.subject, row.body)
    return _fill(words, kind, links.clinic_facts(clinic), link=link, stop=stop)


def _kind(purpose: str, channel: str, language: str) -> Kind:
    """In English where the language has no words."""
    kind = Kind(purpose, channel, language)
    return kind if kind in KINDS else Kind(purpose, channel, LANGUAGES[0])


def _fill(words: Words, kind: Kind, clinic: ClinicFacts, *, link: str, stop: str | None) -> Filled:
    values = {
        "clinic": " ".join((clinic.sender_name or clinic.name).split()),
        "link": link,
        "phone": clinic.phone,
        "hours": clinic.words_in(kind.language).hours or clinic.hours,
    }
    body = fill_in(words.body, values)
    if stop is not None:
        ending = fill_in(_file(f"{kind.channel}/ending.{kind.language}.txt"), {"stop": stop})
        body = f"{body} {ending}" if kind.channel == "sms" else f"{body}\n\n{ending}"
    if words.subject is None:
        return Filled(None, body)
    return Filled(" ".join(fill_in(words.subject, values).split())[:LONGEST_SUBJECT], body)


# ---- The administrator's pages


def listing(session: Session, *, by: StaffMember) -> tuple[WordsLine, ...]:
    """Every kind there is, with who last changed its words."""
    require(by, Action.MANAGE_CLINIC)
    newest = (
        select(func.max(MessageTemplate.id))
        .where(MessageTemplate.clinic_id == by.clinic.id)
        .group_by(MessageTemplate.purpose, MessageTemplate.channel, MessageTemplate.language)
    )
    rows = session.execute(
        select(MessageTemplate, Staff.name)
        .join(Staff, Staff.id == MessageTemplate.changed_by)
        .where(MessageTemplate.id.in_(newest))
    )
    found = {Kind(row.purpose, row.channel, row.language): (row, name) for row, name in rows}
    return tuple(_line(kind, *found.get(kind, (None, None))) for kind in KINDS)


def _line(kind: Kind, row: MessageTemplate | None, name: str | None) -> WordsLine:
    if row is None or row.body is None:
        return WordsLine(kind, own=False)
    return WordsLine(kind, own=True, changed_at=row.changed_at, changed_by=name)


def page(session: Session, name: str, *, by: StaffMember) -> WordsPage:
    """One kind with its history, the newest first. Raises NotFound."""
    require(by, Action.MANAGE_CLINIC)
    kind = _named(name)
    rows = session.execute(
        select(MessageTemplate, Staff.name)
        .join(Staff, Staff.id == MessageTemplate.changed_by)
        .where(*_of(by.clinic.id, kind))
        .order_by(MessageTemplate.id.desc())
    )
    versions = tuple(Version(_words(row), row.changed_at, who) for row, who in rows)
    in_force = versions[0].words if versions else None
    return WordsPage(kind, in_force or shipped(kind), shipped(kind), versions)


def preview(words: Words, kind: Kind, clinic: ClinicFacts, public_url: str) -> Preview:
    """As somebody would receive it. The link in it opens nothing."""
    link = f"{public_url}/sign-in" if kind.purpose == "alert" else f"{public_url}/a/{MADE_UP_TOKEN}"
    stop = None if kind.purpose == "alert" else f"{link}/reminders"
    said = _fill(words, kind, clinic, link=link, stop=stop)
    segments = message_words.segments(said.body) if kind.channel == "sms" else None
    return Preview(said.subject, said.body, segments, message_words.of_health(words))


def change(session: Session, name: str, words: Words, *, by: StaffMember, at: datetime) -> None:
    """Raises NotFound, UnknownPlaceholder, LinkMissing. What is no change leaves no trace."""
    require(by, Action.MANAGE_CLINIC)
    kind = _named(name)
    subject = None if words.subject is None else " ".join(words.subject.split())
    new = Words(subject, words.body.replace("\r\n", "\n").strip())
    message_words.check(new)
    if new != page(session, name, by=by).words:
        _append(session, kind, new, by=by, at=at)


def reset(session: Session, name: str, *, by: StaffMember, at: datetime) -> None:
    """Back to the shipped words; the clinic's own stay in the history."""
    require(by, Action.MANAGE_CLINIC)
    if page(session, name, by=by).own:
        _append(session, _named(name), None, by=by, at=at)


def send_test(session: Session, name: str, public_url: str, *, by: StaffMember, at: datetime) -> None:
    """The words in force to the person who asks, with made-up values: once a minute. Raises NoOwnMobile."""
    require(by, Action.MANAGE_CLINIC)
    shown = page(session, name, by=by)
    said = preview(shown.words, shown.kind, by.clinic, public_url)
    version = hashlib.sha256(f"{said.subject}\n{said.body}".encode()).hexdigest()[:12]
    message_id = outbox.enqueue(
        session,
        clinic_id=by.clinic.id,
        purpose="test",
        channel=shown.kind.channel,
        address=_own_address(session, shown.kind.channel, by=by),
        language=shown.kind.language,
        key=f"test:{by.public_id}:{shown.kind}:{at:%Y%m%dT%H%M}:{version}",
        staff_id=by.id,
        at=at,
    )
    if message_id is None:
        return
    row = session.get_one(Message, message_id)
    row.subject, row.body = said.subject, said.body  # made up: nothing in it is anybody's
    _record(session, "message_template.test", shown.kind, None, by=by, at=at)


def _own_address(session: Session, channel: str, *, by: StaffMember) -> str:
    staff = session.get_one(Staff, by.id)
    if channel == "email":
        return staff.email
    try:
        return contacts.mobile(staff.mobile or "")
    except contacts.NotAMobile as error:
        raise NoOwnMobile("mobile") from error


# ---- Rows


def _named(name: str) -> Kind:
    kind = kind_named(name)
    if kind is None:
        raise NotFound("no such words")
    return kind


def _of(clinic_id: int, kind: Kind) -> tuple:  # type: ignore[type-arg]
    return (
        MessageTemplate.clinic_id == clinic_id,
        MessageTemplate.purpose == kind.purpose,
        MessageTemplate.channel == kind.channel,
        MessageTemplate.language == kind.language,
    )


def _newest(session: Session, clinic_id: int, kind: Kind) -> MessageTemplate | None:
    mine = select(MessageTemplate).where(*_of(clinic_id, kind))
    return session.scalar(mine.order_by(MessageTemplate.id.desc()).limit(1))


def _words(row: MessageTemplate) -> Words | None:
    return None if row.body is None else Words(row.subject, row.body)


def _append(session: Session, kind: Kind, words: Words | None, *, by: StaffMember, at: datetime) -> None:
    before = page(session, str(kind), by=by).words
    session.execute(
        insert(MessageTemplate).values(
            clinic_id=by.clinic.id,
            purpose=kind.purpose,
            channel=kind.channel,
            language=kind.language,
            subject=words.subject if words else None,
            body=words.body if words else None,
            changed_by=by.id,
            changed_at=at,
        )
    )
    detail = f"{before} -> {words or 'as shipped'}"
    _record(session, "message_template.change", kind, detail, by=by, at=at)


def _record(session: Session, action: str, kind: Kind, detail: str | None, *, by: StaffMember, at: datetime) -> None:
    audit.record(session, action, by=by, at=at, subject=f"message_template:{kind}", detail=detail)
