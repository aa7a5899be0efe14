"""The checklist after an infusion, and its vital signs. A row says that something was asked or measured."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.care import Line, NothingAsked, OtherSideEffectUnsaid, SideEffectKind
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.refusals import NotFound
from prom_server.core.settings_change import check_seen
from prom_server.core.vital_signs import AROUND, UNITS, NotAroundTheInfusion, VitalKind, check_vital_signs
from prom_server.services import finding, infusions, marking
from prom_server.store.base import opaque_id
from prom_server.store.care import SideEffect, VitalSign
from prom_server.store.courses import Course, Infusion

SAID = {None: "not asked", False: "no", True: "yes"}  # in the audit


def asked(session: Session, infusion_id: int) -> Mapping[str, Line]:
    """Every line of an infusion's checklist that was asked, by kind."""
    rows = session.scalars(select(SideEffect).where(SideEffect.infusion_id == infusion_id))
    return {row.kind: Line(row.kind, row.present, row.note) for row in rows}


def record_side_effects(
    session: Session,
    infusion_public_id: str,
    answers: Mapping[SideEffectKind, bool | None],
    note: str | None,
    *,
    seen: str | None = None,
    by: StaffMember,
    at: datetime,
) -> None:
    """What was asked: yes, no, or None where a line was not asked after all. Lines that are not named stay.

    `note` says what the other side effect is. Raises NothingAsked, OtherSideEffectUnsaid, RowInError; SettingsChanged
    where `seen` is not what is stored.
    """
    require(by, Action.MANAGE_COURSES)
    infusion, course, _patient = infusions.find(session, infusion_public_id, by=by, lock=True)
    if answers.get(SideEffectKind.OTHER) and not (note or "").strip():
        raise OtherSideEffectUnsaid("what")
    before = asked(session, infusion.id)
    check_seen(before, seen)
    if not before and all(answer is None for answer in answers.values()):
        raise NothingAsked("no line")
    changed = []
    for kind, answer in answers.items():
        new = Line(kind, answer, (note or None) if kind is SideEffectKind.OTHER and answer else None)
        old = before.get(kind, Line(kind, None))
        if new != old:
            _set(session, infusion.id, new, known=kind in before, by=by, at=at)
            changed.append(f"{kind}: {_said(old)} -> {_said(new)}")
    if changed:
        detail = "\n".join(changed)
        infusions.record(session, "side_effects.record", infusion, course, by=by, at=at, detail=detail)


def _said(line: Line) -> str:
    return f"{SAID[line.answer]} ({line.note})" if line.note else SAID[line.answer]


def _set(session: Session, infusion_id: int, line: Line, *, known: bool, by: StaffMember, at: datetime) -> None:
    mine = (SideEffect.infusion_id == infusion_id, SideEffect.kind == line.kind)
    values = {"present": line.answer, "note": line.note, "asked_by": by.id, "asked_at": at}
    if line.answer is None:
        session.execute(delete(SideEffect).where(*mine))
    elif known:
        session.execute(update(SideEffect).where(*mine).values(**values))
    else:
        session.execute(insert(SideEffect).values(infusion_id=infusion_id, kind=str(line.kind), **values))


def record_vital_signs(
    session: Session,
    infusion_public_id: str,
    measured_at: datetime,
    values: Mapping[VitalKind, int],
    *,
    by: StaffMember,
    at: datetime,
) -> None:
    """What was measured at one moment.

    Raises NothingMeasured, ImplausibleVitalSign, HalfAPressure, PressureUpsideDown, NotAroundTheInfusion, RowInError.
    """
    require(by, Action.MANAGE_COURSES)
    infusion, course, _patient = infusions.find(session, infusion_public_id, by=by, lock=True)
    check_vital_signs(values)
    if measured_at > at or abs(measured_at - infusion.given_at) > AROUND:
        raise NotAroundTheInfusion("measured")
    for kind, value in values.items():
        session.execute(
            insert(VitalSign).values(
                public_id=opaque_id(),
                infusion_id=infusion.id,
                kind=str(kind),
                value=Decimal(value),
                unit=UNITS[kind],
                measured_at=measured_at,
                recorded_by=by.id,
            )
        )
    detail = f"{measured_at.isoformat()}: " + ", ".join(f"{kind} {value}" for kind, value in values.items())
    infusions.record(session, "vital_signs.record", infusion, course, by=by, at=at, detail=detail)


def mark_vital_signs_in_error(session: Session, public_id: str, *, by: StaffMember, at: datetime) -> str:
    """What was measured at the same moment with this one stays, marked. Returns the infusion's public id.

    A second time changes nothing.
    """
    require(by, Action.MANAGE_COURSES)
    row = session.execute(
        select(VitalSign, Infusion, Course)
        .join(Infusion, Infusion.id == VitalSign.infusion_id)
        .join(Course, Course.id == Infusion.course_id)
        .where(Course.clinic_id == by.clinic.id, VitalSign.public_id == finding.checked(public_id))
    ).one_or_none()
    if row is None:
        raise NotFound("no such vital sign")
    sign, infusion, course = row
    together = (VitalSign.infusion_id == infusion.id, VitalSign.measured_at == sign.measured_at)
    if marking.in_error(session, VitalSign, sign.id, at=at):
        session.execute(update(VitalSign).where(*together, VitalSign.in_error_at.is_(None)).values(in_error_at=at))
        detail = sign.measured_at.isoformat()
        infusions.record(session, "vital_signs.in_error", infusion, course, by=by, at=at, detail=detail)
    return infusion.public_id
