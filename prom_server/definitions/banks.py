"""Item banks: the parameters of items, in files of their own under their own licence.

An instrument pins one by the hash of its file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from prom_server.core.irt import Graded
from prom_server.definitions.document import Document, Finding
from prom_server.definitions.schema import shaped
from prom_server.definitions.schema.banks import BankShape


@dataclass(frozen=True, slots=True)
class Bank:
    """One revision of a bank. The floats are the nearest to what is written."""

    id: str
    revision: int
    name: str
    items: Mapping[str, Graded]
    document: Document

    @property
    def content_hash(self) -> str:
        """SHA-256 of the file."""
        return self.document.content_hash


FindBank = Callable[[str, int], Bank | None]  # by id and revision


def bank(document: Document) -> Bank:
    """Raises `DefinitionError` with file and line."""
    data = shaped(document, BankShape)
    if findings := list(_findings(data["items"])):
        raise document.error(findings)
    items = {id_: Graded(float(item["a"]), tuple(map(float, item["b"]))) for id_, item in data["items"].items()}
    return Bank(data["bank"], data["revision"], data["name"], items, document)


def _findings(items: Mapping[str, Any]) -> Iterator[Finding]:
    for id_, item in items.items():
        if item["a"] <= 0:
            yield Finding(("items", id_, "a"), "a discrimination is above 0")
        if any(upper <= lower for lower, upper in pairwise(item["b"])):
            yield Finding(("items", id_, "b"), "the thresholds do not rise")
