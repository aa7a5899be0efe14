"""What a verification found: never a name, only opaque ids."""

from dataclasses import dataclass
from enum import StrEnum

from prom_server.core.scoring import Score


class Problem(StrEnum):
    DIFFERENT = "different"  # the stored score is not what the stored answers give
    WITHOUT_SCORES = "without-scores"  # submitted, but nothing was recorded
    NOT_SUBMITTED = "not-submitted"  # recorded, but never submitted
    DEFINITION_MISSING = "definition-missing"  # pinned, and nowhere to be found
    INVALID_ANSWER = "invalid-answer"  # a stored answer that the definition does not know


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be. `scale`, `stored` and `recomputed` where a score differs."""

    administration: str  # public id
    instrument: str
    revision: int
    problem: Problem
    scale: str | None = None
    stored: Score | None = None  # None: not recorded
    recomputed: Score | None = None  # None: not a scale of the definition
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One stretch of administrations, ending with the id `last`; what follows it is still to be checked."""

    last: int
    seen: int  # administrations
    scores: int
    differences: tuple[Difference, ...]
