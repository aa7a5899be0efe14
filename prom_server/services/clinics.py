"""A clinic's own facts, and what it may use: recorded permissions, supplied wordings."""

from datetime import date, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.clinics import Licences, PatientWords, PermissionLine, UnknownFamily, WordingLine
from prom_server.core.instrument import Instrument, LicenceKind
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.services import audit, catalogue
from prom_server.services.staffing import check_time_zone
from prom_server.store.clinics import Clinic, Permission
from prom_server.store.staff import Staff


def change_clinic(
    session: Session, name: str, time_zone: str, phone: str, hours: str, paper: str, *, by: StaffMember, at: datetime
) -> None:
    """Raises UnknownTimeZone."""
    require(by, Action.MANAGE_CLINIC)
    check_time_zone(time_zone)
    new = {"name": name, "time_zone": time_zone, "phone": phone, "hours": hours, "paper": paper}
    changes = {field: value for field, value in new.items() if getattr(by.clinic, field) != value}
    if not changes:
        return
    session.execute(update(Clinic).where(Clinic.id == by.clinic.id).values(**changes))
    detail = "\n".join(f"{field}: {getattr(by.clinic, field)} -> {value}" for field, value in changes.items())
    audit.record(session, "clinic.change", by=by, at=at, subject=f"clinic:{by.clinic.public_id}", detail=detail)


def change_patient_words(
    session: Session, words: tuple[PatientWords, ...], *, results_shown: bool, by: StaffMember, at: datetime
) -> None:
    """What patients read of the clinic's own, and whether they may see results that a clinician shared."""
    require(by, Action.MANAGE_CLINIC)
    kept = tuple(each for each in words if each.hours or each.help)
    said = {each.language: {"hours": each.hours, "help": each.help} for each in kept}
    before = {each.language: {"hours": each.hours, "help": each.help} for each in by.clinic.patient_words}
    if (said, results_shown) == (before, by.clinic.results_shown):
        return
    values = {"patient_words": said or None, "results_shown": results_shown}
    session.execute(update(Clinic).where(Clinic.id == by.clinic.id).values(**values))
    detail = f"patient_words: {before} -> {said}\nresults_shown: {by.clinic.results_shown} -> {results_shown}"
    audit.record(session, "clinic.change", by=by, at=at, subject=f"clinic:{by.clinic.public_id}", detail=detail)


def licences(session: Session, *, by: StaffMember) -> Licences:
    """Every family that needs a permission with the one recorded, and every wording that the clinic brings."""
    require(by, Action.RECORD_PERMISSIONS)
    known = catalogue.library().instruments()
    recorded = {
        permission.family: (permission, name)
        for permission, name in session.execute(
            select(Permission, Staff.name)
            .join(Staff, Staff.id == Permission.recorded_by)
            .where(Permission.clinic_id == by.clinic.id)
        )
    }
    families = sorted({each.licence.family for each in known if each.licence.needs_permission})
    return Licences(
        tuple(_permission(family, _of_family(known, family), recorded.get(family)) for family in families),
        tuple(
            WordingLine(each.short, each.licence.holder, catalogue.instrument(each.id).has_wording)
            for each in known
            if each.licence.kind is LicenceKind.SUPPLEMENT
        ),
    )


def _of_family(known: tuple[Instrument, ...], family: str) -> list[Instrument]:
    return [each for each in known if each.licence.family == family and each.licence.needs_permission]


def _permission(family: str, members: list[Instrument], found: tuple[Permission, str] | None) -> PermissionLine:
    names = tuple(each.short for each in members)
    holder = members[0].licence.holder
    if found is None:
        return PermissionLine(family, holder, names, None, None, None, None, None)
    row, recorded_by = found
    return PermissionLine(
        family, holder, names, row.granted_by, row.granted_on, row.reference, recorded_by, row.recorded_at
    )


def record_permission(
    session: Session,
    family: str,
    granted_by: str,
    granted_on: date,
    reference: str,
    *,
    by: StaffMember,
    at: datetime,
) -> None:
    """Records or corrects the holder's permission; the audit keeps every version. Raises UnknownFamily."""
    require(by, Action.RECORD_PERMISSIONS)
    if not _of_family(catalogue.library().instruments(), family):
        raise UnknownFamily(family)
    values = {
        "granted_by": granted_by,
        "granted_on": granted_on,
        "reference": reference,
        "recorded_by": by.id,
        "recorded_at": at,
    }
    mine = (Permission.clinic_id == by.clinic.id, Permission.family == family)
    if session.scalar(update(Permission).where(*mine).values(**values).returning(Permission.id)) is None:
        session.execute(insert(Permission).values(clinic_id=by.clinic.id, family=family, **values))
    detail = f"{family}: {granted_by}, {granted_on}, {reference}"
    audit.record(session, "permission.record", by=by, at=at, detail=detail)
