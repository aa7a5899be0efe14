"""Two records of one person made one, and the way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused

# What may be taken from the record that goes; each with the columns of the patient that change together.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "record_number": ("record_number",),
    "name": ("given_name", "family_name", "sort_name"),
    "birth_date": ("birth_date",),
    "phone": ("phone",),
    "address": ("address",),
    "emergency_contact": ("emergency_contact",),
    "reading": ("language", "text_size", "contrast"),
    "calls": ("best_time", "may_leave_message"),
}
ADDRESSES = ("email", "sms")


class Block(StrEnum):
    """Why two records cannot be made one now."""

    BOTH_UNFINISHED = "both_unfinished"  # a course each; one must be finished first
    STOPPED_DIFFERS = "stopped_differs"  # only one withdrew or died: it must be recorded on both, or taken back


class SamePatient(Refused):
    """The record itself."""


class CannotMerge(Refused):
    def __init__(self, blocks: tuple[Block, ...]) -> None:
        super().__init__(", ".join(blocks))
        self.blocks = blocks


class BirthDatesDiffer(Refused):
    """Two dates of birth: somebody must say that it is one person all the same."""


class MergeUndone(Refused):
    """It was undone before."""


class LaterMergeFirst(Refused):
    """One of the two was merged again since: that must be undone first."""


@dataclass(frozen=True, slots=True)
class CourseLine:
    number: int
    protocol: str
    starts_on: date
    unfinished: bool
    completed: int  # assessments
    assessments: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two records."""

    patient: PatientRef
    birth_date: date
    courses: tuple[CourseLine, ...]
    alerts: int
    open_alerts: int


@dataclass(frozen=True, slots=True)
class MergeField:
    name: str
    kept: str | None
    gone: str | None
    from_gone: bool  # offered so at first: the other one is empty

    @property
    def differs(self) -> bool:
        return self.kept != self.gone


@dataclass(frozen=True, slots=True)
class Comparison:
    kept: Side
    gone: Side
    fields: tuple[MergeField, ...]
    blocks: tuple[Block, ...]
    opted_out: bool  # one of them wants no reminders: then so does the person

    @property
    def birth_dates_differ(self) -> bool:
        return self.kept.birth_date != self.gone.birth_date


@dataclass(frozen=True, slots=True)
class MergeLine:
    """A merge that stands."""

    public_id: str
    gone: PatientRef
    at: datetime
    by: str
    latest: bool  # only the latest can be undone


@dataclass(frozen=True, slots=True)
class Undoing:
    """What an undo would do with what came since the merge."""

    public_id: str
    kept: PatientRef
    gone: PatientRef
    at: datetime
    by: str
    stays: tuple[tuple[str, int], ...]  # with the kept record: kind, how many
    goes: tuple[tuple[str, int], ...]  # with the courses that go back
    unlinked: int  # questionnaires that stand for an assessment of the other one: they will not
    changed: tuple[str, ...]  # columns of the kept record that were changed since: they stay as they are


def columns_of(fields: frozenset[str]) -> tuple[str, ...]:
    return tuple(column for name, columns in FIELDS.items() if name in fields for column in columns)
