"""An import of patients as staff see it before anything changes, and what may be refused."""

from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.enrolment import PatientRef
from prom_server.core.refusals import Refused


class ColumnsMissing(Refused):
    """The heading lacks columns without which nobody can be added; `columns` are their names."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(", ".join(columns))
        self.columns = columns


class ColumnTwice(Refused):
    """Two columns mean the same; `columns` holds its name."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.columns = (column,)


class FileEmpty(Refused):
    """A heading at most."""


class FileTooLong(Refused):
    """More lines or bytes than are read at once."""


class ImportOver(Refused):
    """The file was imported or discarded before."""


class NothingToImport(Refused):
    """Every line is left out."""


class ChangedSincePreview(Refused):
    """What was shown of this line is no longer so. Nothing was imported."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class Decision(StrEnum):
    ADD = "add"
    UPDATE = "update"
    SKIP = "skip"


class Like(StrEnum):
    """Why a line may be somebody who is there already, or comes with an earlier line."""

    NUMBER = "number"  # the same record number
    NAME = "name"  # born on the same day, with a like name
    LINE = "line"  # the same of an earlier line of the file


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell; the words of the code are the template's."""

    column: str
    code: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    column: str
    before: str | None
    after: str | None


def choices(like: Like | None) -> tuple[Decision, ...]:
    """A record number is one patient's, so that "add" is no choice where it is taken. Who is only in the file cannot be
    updated.
    """
    if like is None:
        return ()
    if like is Like.LINE:
        return (Decision.SKIP, Decision.ADD)
    return (Decision.SKIP, Decision.UPDATE, *((Decision.ADD,) if like is Like.NAME else ()))


@dataclass(frozen=True, slots=True)
class ImportLine:
    line: int
    record_number: str
    name: str
    birth_date: str  # as it is written in the file
    problems: tuple[Problem, ...]
    like: Like | None
    duplicate_of: PatientRef | None
    changes: tuple[FieldChange, ...]  # that an update would make
    decision: Decision
    earlier: int | None = None  # the line that may be the same person

    @property
    def choices(self) -> tuple[Decision, ...]:
        return choices(self.like)


@dataclass(frozen=True, slots=True)
class ImportPreview:
    public_id: str
    ignored: tuple[str, ...]
    lines: tuple[ImportLine, ...]

    @property
    def wrong(self) -> tuple[ImportLine, ...]:
        return tuple(each for each in self.lines if each.problems)

    @property
    def alike(self) -> tuple[ImportLine, ...]:
        return tuple(each for each in self.lines if each.like is not None)

    @property
    def new(self) -> tuple[ImportLine, ...]:
        return tuple(each for each in self.lines if not each.problems and each.like is None)

    def count(self, decision: Decision) -> int:
        return sum(each.decision == decision for each in self.lines if not each.problems)

    @property
    def taken(self) -> int:
        """How many patients the import would add or change."""
        return self.count(Decision.ADD) + self.count(Decision.UPDATE)


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    updated: int
    left_out: int
