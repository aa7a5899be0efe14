"""Who may do what. Roles hold actions; whatever is not listed is denied."""

from dataclasses import dataclass
from datetime import datetime
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
    CHECK_IN = "patients.check_in"  # and keep the day list
    RING = "calls.make"  # and record what came of it
    SEE_ALERTS = "alerts.see"
    SEE_MESSAGES = "messages.see"
    SETTLE_MESSAGES = "messages.settle"
    ACKNOWLEDGE_ALERTS = "alerts.acknowledge"
    RESOLVE_ALERTS = "alerts.resolve"
    MANAGE_ON_CALL = "on_call.manage"
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
    Action.CHECK_IN,
    Action.RING,
    Action.SEE_ALERTS,
    Action.SEE_MESSAGES,
    Action.SETTLE_MESSAGES,
    Action.ACKNOWLEDGE_ALERTS,
    Action.MANAGE_ON_CALL,
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
            Action.MANAGE_ON_CALL,
            Action.SEE_MESSAGES,
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
    live_at: datetime | None = None  # real patients; None: still in trial, messages are only logged
    alert_kiosk_minutes: int = 15  # of opening hours, until an alert that nobody acknowledged goes on
    alert_home_minutes: int = 60
    closed_hours: str | None = None  # see core.going_live.ClosedHours; None: not chosen yet
    closed_hours_person: str | None = None  # who accepts that, by name
    sender_name: str | None = None  # of e-mail; the clinic's name where None
    reply_to: str | None = None
    reminders_at: str = "09:00"  # of the clinic's day, like the quiet hours
    quiet_from: str = "20:00"
    quiet_to: str = "08:00"

    @property
    def live(self) -> bool:
        return self.live_at is not None

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
