"""Private links: issued for one assessment, shown once, each replacing the one before."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.invitations import AssessmentOver, IssuedLink, LinkPage
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.tokens import hash_token, new_token
from prom_server.services import audit, catalogue, finding, progress
from prom_server.services.course_views import assessment_view
from prom_server.store.assessments import Assessment
from prom_server.store.courses import Course
from prom_server.store.invitations import Invitation
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
    live = (Invitation.assessment_id == assessment.id, Invitation.superseded_at.is_(None))
    session.execute(update(Invitation).where(*live).values(superseded_at=at))
    token = new_token()
    session.execute(
        insert(Invitation).values(
            token_hash=hash_token(token),
            clinic_id=by.clinic.id,
            patient_id=patient.id,
            assessment_id=assessment.id,
            created_by=by.id,
            created_at=at,
        )
    )
    audit.record(session, "invitation.issue", by=by, at=at, patient_id=patient.id, subject=_subject(assessment))
    return IssuedLink(token, _page(session, assessment, course, patient, by=by, at=at))


def _page(
    session: Session, assessment: Assessment, course: Course, patient: Patient, *, by: StaffMember, at: datetime
) -> LinkPage:
    protocol = catalogue.protocol(course.protocol_id, course.protocol_revision)
    done = progress.of_assessments(session, [assessment.id]).get(assessment.id, progress.NONE)
    live = session.execute(
        select(Invitation.created_at, Staff.name)
        .join(Staff, Staff.id == Invitation.created_by)
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
    )


def _subject(assessment: Assessment) -> str:
    return f"assessment:{assessment.public_id}"
