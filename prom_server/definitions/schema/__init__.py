"""The shapes of definition files: which keys each kind has and what they may hold. What they mean is in `core`."""

from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError

from prom_server.definitions.document import Document, Finding, Place
from prom_server.definitions.fields import Shape


def shaped(document: Document, shape: type[Shape]) -> dict[str, Any]:
    """The document's values, checked against a shape. Raises `DefinitionError` with every error and its line."""
    try:
        return dict(shape().load(document.data))
    except ValidationError as error:
        raise document.error(list(_flat(error.messages, ()))) from error


def _flat(messages: Any, place: Place) -> Iterator[Finding]:
    """Marshmallow's nested messages as findings. Its own words for keys and values of a mapping are left out."""
    if not isinstance(messages, dict):
        for message in messages if isinstance(messages, list) else [messages]:
            yield Finding(place, str(message).rstrip(".").replace("Unknown field", "is not a key that is known here"))
        return
    for key, inner in messages.items():
        yield from _flat(inner, place if key in {"_schema", "key", "value"} else (*place, key))
