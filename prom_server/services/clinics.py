"""What a clinic may use: recorded permissions, supplied wordings, the protocols that it means; and its own words."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from prom_server.core.clinics import (
    Licences,
    PatientWords,
    PermissionLine,
    ProtocolLine,
    UnknownFamily,
    WordingLine,
)
from prom_server.core.instrument import Instrument, LicenceKind
from prom_server.core.permissions import Action, StaffMember, require
from prom_server.core.settings_change import Section, check_seen, fingerprint, told
from prom_server.services import audit, catalogue, clinic_settings, finding
from prom_server.store.clinics import Clinic, Permission
from prom_server.store.courses import Course
from prom_server.store.staff import Staff


def change_patient_words(
    session: Session,
    words: tuple[PatientWords, ...],
    *,
    results_shown: bool,
    by: StaffMember,
    at: datetime,
    seen: str | None = None,
) -> None:
    """What patients read of the clinic's own, and whether they may see results that a clinician shared.

    Raises SettingsChanged.
    """
    said = {each.language: {"hours": each.hours, "help": each.help} for each in words if each.hours or each.help}
    new = {"patient_words": said or None, "results_shown": results_shown}
    clinic_settings.change(session, Section.PATIENTS, new, seen=seen, by=by, at=at)


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
    rows = {family: row for family, (row, _name) in recorded.items()}
    return Licences(
        tuple(_permission(family, _of_family(known, family), recorded.get(family)) for family in families),
        tuple(
            WordingLine(each.short, each.licence.holder, catalogue.instrument(each.id).has_wording)
            for each in known
            if each.licence.kind is LicenceKind.SUPPLEMENT
        ),
        _protocols(session, set(rows), by=by),
        fingerprint(_as_values(rows)),
    )


def _as_values(permissions: Mapping[str, Permission]) -> dict[str, object]:
    return {each.family: f"{each.granted_by}, {each.granted_on}, {each.reference}" for each in permissions.values()}


def _protocols(session: Session, permitted: set[str], *, by: StaffMember) -> tuple[ProtocolLine, ...]:
    """As `catalogue.missing_licences` tells it, of a demo clinic too."""
    meant = session.get_one(Clinic, by.clinic.id).protocols or []
    running = with_courses(session, by=by)
    return tuple(
        ProtocolLine(each.id, each.name, each.id in meant, each.id in running, _missing(each.battery, permitted))
        for each in catalogue.library().protocols()
    )


def with_courses(session: Session, *, by: StaffMember) -> frozenset[str]:
    """The protocols that the clinic has courses on, by id."""
    return frozenset(session.scalars(select(Course.protocol_id).where(Course.clinic_id == by.clinic.id).distinct()))


def _missing(battery: Iterable[str], permitted: set[str]) -> tuple[str, ...]:
    instruments = (catalogue.instrument(each) for each in battery)
    return tuple(each.short for each in instruments if not catalogue.may_use(each, permitted))


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
    seen: str | None = None,
) -> None:
    """Records or corrects the holder's permission; the audit keeps every version.

    Raises UnknownFamily, SettingsChanged.
    """
    require(by, Action.RECORD_PERMISSIONS)
    if not _of_family(catalogue.library().instruments(), family):
        raise UnknownFamily(family)
    finding.locked_clinic(session, by=by)
    mine = select(Permission).where(Permission.clinic_id == by.clinic.id)
    before = _as_values({each.family: each for each in session.scalars(mine)})
    check_seen(before, seen)
    values = {"granted_by": granted_by, "granted_on": granted_on, "reference": reference}
    recorded = {**values, "recorded_by": by.id, "recorded_at": at}
    if family in before:
        this = (Permission.clinic_id == by.clinic.id, Permission.family == family)
        session.execute(update(Permission).where(*this).values(**recorded))
    else:
        session.execute(insert(Permission).values(clinic_id=by.clinic.id, family=family, **recorded))
    detail = told(before, {family: ", ".join(str(value) for value in values.values())})
    audit.record(session, "permission.record", by=by, at=at, detail=detail)
