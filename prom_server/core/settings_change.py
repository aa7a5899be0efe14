"""A change of settings: what differs, whether somebody else saved meanwhile, and how the audit trail tells it."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum

from prom_server.core.refusals import Refused


class Section(StrEnum):
    """What one page of the settings changes, in one press."""

    CLINIC = "clinic"
    PATIENTS = "patients"
    MESSAGES = "messages"
    ALERTS = "alerts"
    PROTOCOLS = "protocols"


FIELDS: Mapping[Section, tuple[str, ...]] = {
    Section.CLINIC: ("name", "phone", "hours", "time_zone", "paper"),
    Section.PATIENTS: ("patient_words", "results_shown"),
    Section.MESSAGES: ("sender_name", "reply_to", "reminders_at", "quiet_from", "quiet_to"),
    Section.ALERTS: ("alert_kiosk_minutes", "alert_home_minutes", "closed_hours", "closed_hours_person"),
    Section.PROTOCOLS: ("protocols",),
}


class SettingsChanged(Refused):
    """Somebody else saved this page since it was shown. `stored` is what they left there, by field."""

    def __init__(self, stored: Mapping[str, object]) -> None:
        super().__init__("saved by somebody else meanwhile")
        self.stored = stored


def fingerprint(values: Mapping[str, object]) -> str:
    """Of settings as a page showed them; the page sends it back. Alike for alike values, whatever their order."""
    text = json.dumps(values, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differing(stored: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """What of `new` is not stored yet."""
    return {field: value for field, value in new.items() if stored.get(field) != value}


def check_seen(stored: Mapping[str, object], seen: str | None) -> None:
    """Raises SettingsChanged unless the page showed what is stored. None: it comes from no page."""
    if seen is not None and seen != fingerprint(stored):
        raise SettingsChanged(stored)


def told(stored: Mapping[str, object], changes: Mapping[str, object]) -> str:
    """One line per field with its old and its new value, for the audit trail. A value cannot look like another line."""
    lines = (f"{field}: {stored.get(field)} -> {value}" for field, value in changes.items())
    return "\n".join(" / ".join(line.splitlines()) for line in lines)
