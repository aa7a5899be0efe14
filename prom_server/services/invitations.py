"""Private links: issued for one assessment, shown once or sent, each replacing the one before."""

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.invitations import AssessmentOver, IssuedLink, LinkPage, NotReachable, Way
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import audit, catalogue, contacts, finding, outbox, progress
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.invitations import Invitation
from prom_server.store.outbox import Message
from prom_server.store.patients import Patient
from prom_server.store.staff import Staff


def link_page(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> LinkPage:
    """What is known before a link is made."""
    require(by, Action.INVITE)
    rows = finding.assessment(session, assessment_public_id, by=by)
    audit.record(session, "assessment.view", by=by, at=at, patient_id=rows[2].id, subject=_subject(rows[0]))
    return _page(session, *rows, by=by, at=at)


def issue(session: Session, assessment_public_id: str, *, by: StaffMember, at: datetime) -> IssuedLink:
    """A new link; the ones before open nothing more. Raises AssessmentOver."""
    require(by, Action.INVITE)
    assessment, course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    if not _page(session, assessment, course, patient, by=by, at=at).assessment.accepts_link:
        raise AssessmentOver("closed, completed or cancelled")
    token = new_link(session, assessment, at=at, created_by=by.id)
    audit.record(session, "invitation.issue", by=by, at=at, patient_id=patient.id, subject=_subject(assessment))
    return IssuedLink(token, _page(session, assessment, course, patient, by=by, at=at))


def send(session: Session, assessment_public_id: str, kind: str, sent: int, *, by: StaffMember, at: datetime) -> bool:
    """Puts the link into the outbox. `sent` is what the page showed: a second press of its button sends nothing more,
    and is answered False.

    Raises AssessmentOver, NotReachable.
    """
    require(by, Action.INVITE)
    assessment, course, patient = finding.assessment(session, assessment_public_id, by=by, lock=True)
    page = _page(session, assessment, course, patient, by=by, at=at)
    if not page.assessment.accepts_link:
        raise AssessmentOver("closed, completed or cancelled")
    way = next((each for each in page.ways if each.kind == kind), None)
    if way is None:
        raise NotReachable(kind)
    if way.sent != sent:
        return False
    outbox.enqueue(
        session,
        clinic_id=by.clinic.id,
        purpose="link",
        channel=kind,
        address=way.address,
        language=patient.language,
        key=f"link:{assessment.public_id}:{kind}:{sent}",
        patient_id=patient.id,
        assessment_id=assessment.id,
        at=at,
    )
    detail = f"{kind} {sent + 1}"
    audit.record(
        session, "invitation.send", by=by, at=at, patient_id=patient.id, subject=_subject(assessment), detail=detail
    )
    return True


def _ways(session: Session, assessment: Assessment, patient: Patient) -> tuple[Way, ...]:
    rows = session.execute(
        select(Message.channel, func.count())
        .where(Message.assessment_id == assessment.id, Message.purpose == "link")
        .group_by(Message.channel)
    )
    counted = {channel: number for channel, number in rows}  # noqa: C416 - a Row is a tuple to dict(), not to mypy
    usable = contacts.usable(session, patient)
    return tuple(Way(each.kind, each.address, counted.get(each.kind, 0)) for each in usable)


def new_link(
    session: Session,
    assessment: Assessment,
    *,
    at: datetime,
    created_by: int | None = None,
    message_id: int | None = None,
) -> str:
    """The token of a link that supersedes the ones before. Of staff, or of a message that carries it."""
    live = (Invitation.assessment_id == assessment.id, Invitation.superseded_at.is_(None))
    session.execute(update(Invitation).where(*live).values(superseded_at=at))
    token = new_token()
    session.execute(
        insert(Invitation).values(
            token_hash=hash_token(token),
            clinic_id=assessment.clinic_id,
            patient_id=assessment.patient_id,
            assessment_id=assessment.id,
            created_by=created_by,
            created_at=at,
            message_id=message_id,
        )
    )
    return token


def _page(
    session: Session, assessment: Assessment, course: Course, patient: Patient, *, by: StaffMember, at: datetime
) -> LinkPage:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    done = progress.of_assessments(session, [assessment.id]).get(assessment.id, progress.NONE)
    live = session.execute(
        select(Invitation.created_at, Staff.name)
        .outerjoin(Staff, Staff.id == Invitation.created_by)  # nobody made that of a message
        .where(Invitation.assessment_id == assessment.id, Invitation.superseded_at.is_(None))
        .order_by(Invitation.id.desc())
        .limit(1)
    ).one_or_none()
    return LinkPage(
        finding.ref(patient),
        course.public_id,
        course.number,
        assessment_view(assessment, protocol, done, by=by, at=at),
        patient.locked_at is not None,
        live.created_at if live else None,
        live.name if live else None,
        _ways(session, assessment, patient),
        contacts.reachable(session, patient).why_not,
    )


def _subject(assessment: Assessment) -> str:
    return f"assessment:{assessment.public_id}"
