"""Who may do what. Roles hold actions; whatever is not listed is denied."""

from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.clinics import PatientWords
from prom_server.core.refusals import NotAllowed


class Role(StrEnum):
    ADMINISTRATOR = "administrator"  # runs the installation; sees no answers and no scores
    CLINICIAN = "clinician"
    COORDINATOR = "coordinator"


class Action(StrEnum):
    SEE_PATIENTS = "patients.see"
    EDIT_PATIENTS = "patients.edit"
    SEE_TREND = "trend.see"
    MANAGE_COURSES = "courses.manage"
    INVITE = "invitations.issue"
    HAND_OVER = "handovers.start"
    ENTER_ANSWERS = "answers.enter"
    SEE_FOLLOWUPS = "followups.see"
    SEE_ALERTS = "alerts.see"
    ACKNOWLEDGE_ALERTS = "alerts.acknowledge"
    RESOLVE_ALERTS = "alerts.resolve"
    MARK_IN_ERROR = "administrations.mark_in_error"
    SHARE_RESULTS = "results.share"  # with the patient, after having looked at them
    MANAGE_CLINIC = "clinic.manage"
    MANAGE_STAFF = "staff.manage"
    MANAGE_DEVICES = "devices.manage"
    LEAVE_KIOSK = "kiosk.leave"
    RECORD_PERMISSIONS = "permissions.record"
    SEE_INSTRUMENTS = "instruments.see"
    SIGN_OUT = "own_session.end"


_DESK = {
    Action.SEE_PATIENTS,
    Action.EDIT_PATIENTS,
    Action.SEE_TREND,
    Action.MANAGE_COURSES,
    Action.INVITE,
    Action.HAND_OVER,
    Action.ENTER_ANSWERS,
    Action.SEE_FOLLOWUPS,
    Action.SEE_ALERTS,
    Action.ACKNOWLEDGE_ALERTS,
    Action.SEE_INSTRUMENTS,
    Action.LEAVE_KIOSK,
    Action.SIGN_OUT,
}

MAY: dict[Role, frozenset[Action]] = {
    Role.ADMINISTRATOR: frozenset(
        {
            Action.MANAGE_CLINIC,
            Action.MANAGE_STAFF,
            Action.MANAGE_DEVICES,
            Action.LEAVE_KIOSK,
            Action.RECORD_PERMISSIONS,
            Action.SEE_INSTRUMENTS,
            Action.SIGN_OUT,
        }
    ),
    Role.COORDINATOR: frozenset(_DESK),
    Role.CLINICIAN: frozenset(_DESK | {Action.RESOLVE_ALERTS, Action.MARK_IN_ERROR, Action.SHARE_RESULTS}),
}


@dataclass(frozen=True, slots=True)
class ClinicFacts:
    """What every page of a clinic needs to know of it."""

    id: int
    public_id: str
    name: str
    demo: bool
    time_zone: str
    phone: str
    hours: str
    paper: str
    patient_words: tuple[PatientWords, ...] = ()
    results_shown: bool = False  # to patients, once a clinician shared them

    def words_in(self, language: str) -> PatientWords:
        """The clinic's own words; nothing where it has none in this language."""
        found = (each for each in self.patient_words if each.language == language)
        return next(found, PatientWords(language))


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A signed-in person: handed down as `by` to every service."""

    id: int
    public_id: str
    name: str
    role: Role
    clinic: ClinicFacts

    def may(self, action: Action) -> bool:
        return action in MAY[self.role]


def require(by: StaffMember, action: Action) -> None:
    """Raises NotAllowed unless `by` may do `action`."""
    if not by.may(action):
        raise NotAllowed(f"{by.role} may not {action}")
