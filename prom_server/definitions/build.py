"""From a parsed file to the core: shapes checked, names resolved, ranges computed. All errors carry file and line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from prom_server.core.instrument import (
    CompositeRule,
    Instrument,
    Item,
    Option,
    Scale,
    Section,
    WorkedExample,
)
from prom_server.core.schedule import Protocol
from prom_server.definitions.document import Document, Finding, Place
from prom_server.definitions.fields import Shape
from prom_server.definitions.ranges import Range, value_range
from prom_server.definitions.schema import InstrumentShape, ProtocolShape

_OWN_KEYS = {"instrument", "options", "sections", "scales", "check"}  # of the file; the core has them in another form


def shaped(document: Document, shape: type[Shape]) -> dict[str, Any]:
    """The document's values, checked against a shape. Raises `DefinitionError` with every error and its line."""
    try:
        return dict(shape().load(document.data))
    except ValidationError as error:
        raise document.error(list(_flat(error.messages, ()))) from error


def instrument(document: Document) -> Instrument:
    data = shaped(document, InstrumentShape)
    items = _items(document, data)
    return Instrument(
        id=data["instrument"],
        sections=tuple(Section(section["id"], section["title"]) for section in data["sections"]),
        items=items,
        scales=_scales(document, data["scales"], {item.id: item for item in items}),
        checks=tuple(_example(document, n, check, items) for n, check in enumerate(data["check"])),
        content_hash=document.content_hash,
        **{key: value for key, value in data.items() if key not in _OWN_KEYS},
    )


def protocol(document: Document) -> Protocol:
    data = shaped(document, ProtocolShape)
    return Protocol(
        id=data.pop("protocol"),
        content_hash=document.content_hash,
        **data,
    )


def _flat(messages: Any, place: Place) -> Iterator[Finding]:
    """Marshmallow's nested messages as findings. Its own words for keys and values of a mapping are left out."""
    if not isinstance(messages, dict):
        for message in messages if isinstance(messages, list) else [messages]:
            yield Finding(place, str(message).rstrip(".").replace("Unknown field", "is not a key that is known here"))
        return
    for key, inner in messages.items():
        yield from _flat(inner, place if key in {"_schema", "key", "value"} else (*place, key))


def _items(document: Document, data: Mapping[str, Any]) -> tuple[Item, ...]:
    if len({section["id"] for section in data["sections"]}) < len(data["sections"]):
        raise document.error([Finding(("sections",), "two sections have the same id")])
    items: dict[str, Item] = {}
    for s, section in enumerate(data["sections"]):
        for i, content in enumerate(section["items"]):
            place: Place = ("sections", s, "items", i)
            item = _item(document, place, data["options"], section, content)
            if item.id in items:
                raise document.error([Finding((*place, "id"), f"{item.id} is there twice")])
            items[item.id] = item
    return tuple(items.values())


def _item(
    document: Document,
    place: Place,
    lists: Mapping[str, Sequence[Option]],
    section: Mapping[str, Any],
    item: dict[str, Any],
) -> Item:
    """One item, with what its section says for all of its items unless it says otherwise itself."""
    name = item.pop("options", section["options"])
    if name not in lists:
        known = ", ".join(lists)
        raise document.error([Finding(place, f"its options {name!r} are none of the lists in this file ({known})")])
    return Item(**{"context": section["context"], "section": section["id"], **item, "options": tuple(lists[name])})


def _scales(document: Document, scales: list[dict[str, Any]], items: Mapping[str, Item]) -> tuple[Scale, ...]:
    """In the file's order; a composite may only refer to scales above it."""
    built: dict[str, Scale] = {}
    for n, data in enumerate(scales):
        place: Place = ("scales", n)
        beneath = _beneath(document, place, data, built)
        if unknown := [item for item in beneath if item not in items]:
            raise document.error([Finding((*place, "items"), f"{', '.join(unknown)}: not an item of this file")])
        if data["id"] in built:
            raise document.error([Finding((*place, "id"), f"{data['id']} is there twice")])
        ranges: dict[str, Range] = {scale.id: (scale.low, scale.high) for scale in built.values()}
        low, high = value_range(data["rule"], [items[item] for item in beneath], ranges)
        bands = data.pop("bands", None) or {"rows": (), "source": None}
        built[data["id"]] = Scale(
            **{key: value for key, value in data.items() if key != "items"},
            items=beneath,
            low=low,
            high=high,
            bands=bands["rows"],
            bands_source=bands["source"],
        )
    return tuple(built.values())


def _beneath(document: Document, place: Place, data: Mapping[str, Any], built: Mapping[str, Scale]) -> tuple[str, ...]:
    """The items of a scale: its own, or for a composite those of its parts, each once."""
    rule = data["rule"]
    if not isinstance(rule, CompositeRule):
        if not data["items"]:
            raise document.error([Finding(place, "items: is missing")])
        return tuple(data["items"])
    if data["items"]:
        raise document.error([Finding((*place, "items"), "a composite has no items of its own")])
    parts = [part.scale for term in rule.terms for part in term.mean_of]
    if unknown := [part for part in parts if part not in built]:
        raise document.error([Finding((*place, "rule"), f"{', '.join(unknown)}: not a scale above this one")])
    return tuple(dict.fromkeys(item for part in parts for item in built[part].items))


def _example(document: Document, n: int, check: Mapping[str, Any], items: tuple[Item, ...]) -> WorkedExample:
    """Answers are written in the order of the scored items."""
    scored = [item.id for item in items if item.scored]
    if len(check["answers"]) != len(scored):
        message = f"has {len(check['answers'])} answers for {len(scored)} scored items"
        raise document.error([Finding(("check", n, "answers"), message)])
    return WorkedExample(
        name=check["name"],
        answers=dict(zip(scored, check["answers"], strict=True)),
        expect=check["expect"],
        alerts=check["alerts"],
        screening=check["screening"],
    )
