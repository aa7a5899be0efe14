"""From a parsed file to the core: shapes checked, names resolved, ranges computed. All errors carry file and line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prom_server.core.instrument import (
    Instrument,
    Item,
    ItemAlert,
    Option,
    Parameters,
    ScoreAlert,
    Section,
    WorkedExample,
)
from prom_server.core.rules import AdaptiveRule
from prom_server.core.schedule import Protocol
from prom_server.definitions.banks import Bank, FindBank
from prom_server.definitions.document import Document, Finding, Place
from prom_server.definitions.scales import scales
from prom_server.definitions.schema import shaped
from prom_server.definitions.schema.instruments import InstrumentShape
from prom_server.definitions.schema.protocols import ProtocolShape

# Of the file; the core has them in another form.
_OWN_KEYS = {"instrument", "options", "sections", "scales", "alerts", "check"}


def instrument(document: Document, find_bank: FindBank) -> Instrument:
    """Raises `DefinitionError` with file and line. `find_bank` gives the item bank that the file names."""
    data = shaped(document, InstrumentShape)
    bank = _bank(document, data["parameters"], find_bank)
    items = _items(document, data, bank)
    adaptive = any(isinstance(scale["rule"], AdaptiveRule) for scale in data["scales"])
    return Instrument(
        id=data["instrument"],
        sections=tuple(Section(section["id"], section["title"]) for section in data["sections"]),
        items=items,
        scales=scales(document, data["scales"], {item.id: item for item in items}),
        alerts=tuple(rule for rule in data["alerts"] if isinstance(rule, ItemAlert)),
        score_alerts=tuple(rule for rule in data["alerts"] if isinstance(rule, ScoreAlert)),
        checks=tuple(_example(document, n, check, items, adaptive=adaptive) for n, check in enumerate(data["check"])),
        content_hash=document.content_hash,
        **{key: value for key, value in data.items() if key not in _OWN_KEYS},
    )


def protocol(document: Document) -> Protocol:
    data = shaped(document, ProtocolShape)
    return Protocol(
        id=data.pop("protocol"),
        infusion_offsets=data.pop("infusion_offsets") or tuple(range(data["planned_infusions"])),
        content_hash=document.content_hash,
        **data,
    )


def _bank(document: Document, pinned: Parameters | None, find_bank: FindBank) -> Bank | None:
    if pinned is None:
        return None
    found = find_bank(pinned.bank, pinned.revision)
    if found is None:
        message = f"there is no item bank {pinned.bank}, revision {pinned.revision}"
        raise document.error([Finding(("parameters", "bank"), message)])
    if found.content_hash != pinned.sha256:
        message = f"is not the hash of {found.document.path.name}, which is {found.content_hash}"
        raise document.error([Finding(("parameters", "sha256"), message)])
    return found


def _items(document: Document, data: Mapping[str, Any], bank: Bank | None) -> tuple[Item, ...]:
    items: dict[str, Item] = {}
    findings = list(_list_findings(data))
    for s, section in enumerate(data["sections"]):
        if any(section["id"] == other["id"] for other in data["sections"][:s]):
            findings.append(Finding(("sections", s, "id"), f"{section['id']} is there twice"))
        for i, content in enumerate(section["items"]):
            place: Place = ("sections", s, "items", i)
            item = _item(document, place, data["options"], section, content, bank)
            findings += _item_findings(item, place)
            if item.id in items:
                findings.append(Finding((*place, "id"), f"{item.id} is there twice"))
            items[item.id] = item
    if findings:
        raise document.error(findings)
    return tuple(items.values())


def _list_findings(data: Mapping[str, Any]) -> Iterator[Finding]:
    used = {item.get("options", section["options"]) for section in data["sections"] for item in section["items"]}
    for unused in set(data["options"]) - used:
        yield Finding(("options", unused), "no item has these options")


def _item(
    document: Document,
    place: Place,
    lists: Mapping[str, Sequence[Option]],
    section: Mapping[str, Any],
    item: Mapping[str, Any],
    bank: Bank | None,
) -> Item:
    """One item, with what its section says for all of its items unless it says otherwise itself."""
    name = item.get("options", section["options"])
    if name not in lists:
        known = ", ".join(lists)
        raise document.error([Finding(place, f"its options {name!r} are none of the lists in this file ({known})")])
    said = {
        "context": section["context"],
        **item,
        "section": section["id"],
        "options": tuple(lists[name]),
        "option_list": name,
        "graded": bank.items.get(item["id"]) if bank else None,
    }
    return Item(**said)


def _item_findings(item: Item, place: Place) -> Iterator[Finding]:
    """What would make its points wrong, or keep them from being computed."""
    values = {option.value for option in item.options}
    if item.recode is not None and (wrong := values ^ item.recode.keys()):
        yield Finding((*place, "recode"), f"is not complete: see {', '.join(map(str, sorted(wrong)))}")
        return
    points = {item.points(value) for value in values}
    if item.recode is not None and len(points) != item.highest - item.lowest + 1:
        yield Finding((*place, "recode"), f"{', '.join(map(str, sorted(points)))}: these points leave a gap")
    elif item.graded is not None and (len(item.graded.b), item.highest) != (
        len(points) - 1,
        item.lowest + len(points) - 1,
    ):
        message = f"has {len(item.graded.b)} thresholds in its bank, but {len(points)} options that count differently"
        yield Finding(place, message)


def _example(
    document: Document,
    n: int,
    check: Mapping[str, Any],
    items: tuple[Item, ...],
    *,
    adaptive: bool,
) -> WorkedExample:
    """Answers are written in the order of the scored items; of an adaptive instrument with the items' names."""
    answers = check["answers"]
    if isinstance(answers, dict) is not adaptive:
        written = "item: answer, as they were asked" if adaptive else "a list in the order of the scored items"
        raise document.error([Finding(("check", n, "answers"), f"are not {written}")])
    if not adaptive:
        scored = [item.id for item in items if item.scored]
        if len(answers) != len(scored):
            message = f"has {len(answers)} answers for {len(scored)} scored items"
            raise document.error([Finding(("check", n, "answers"), message)])
        answers = dict(zip(scored, answers, strict=True))
    return WorkedExample(**{**check, "answers": answers})
