"""Which administrations of other assessments stand for parts of an assessment: read by whatever shows answers."""

from collections.abc import Collection

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.orm import Session, aliased

from prom_server.store.assessments import Administration, Assessment, Satisfaction

STANDS = (Satisfaction.undone_at.is_(None), Administration.in_error_at.is_(None))


def pairs(session: Session, assessment_ids: Collection[int]) -> list[tuple[int, int]]:
    """Assessment and administration, where the administration belongs to another assessment."""
    if not assessment_ids:
        return []
    rows: list[Row[int, int]] = list(
        session.execute(
            select(Satisfaction.assessment_id, Satisfaction.administration_id)
            .join(Administration, Administration.id == Satisfaction.administration_id)
            .where(Satisfaction.assessment_id.in_(assessment_ids), *STANDS)
            .order_by(Satisfaction.id)
        )
    )
    return [(row.assessment_id, row.administration_id) for row in rows]


def across(session: Session, course_ids: Collection[int]) -> list[int]:
    """The links that stand between an assessment of these courses and answers of others, or the other way round."""
    this, other = aliased(Assessment), aliased(Assessment)
    rows = session.scalars(
        select(Satisfaction.id)
        .join(this, this.id == Satisfaction.assessment_id)
        .join(Administration, Administration.id == Satisfaction.administration_id)
        .join(other, other.id == Administration.assessment_id)
        .where(
            or_(
                and_(this.course_id.in_(course_ids), other.course_id.not_in(course_ids)),
                and_(this.course_id.not_in(course_ids), other.course_id.in_(course_ids)),
            ),
            *STANDS,
        )
        .order_by(Satisfaction.id)
    )
    return list(rows)
