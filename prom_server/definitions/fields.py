"""The kinds of value a definition file may hold. Nothing is coerced: "5" is not 5, and true is not 1."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

Messages = dict[str, str | list[Any] | dict[Any, Any]]

_MISSING: Messages = {"required": "is missing", "null": "is empty"}
_SHAPE = {"unknown": "is not a key that is known here", "type": "is not a mapping of keys to values"}
_TEXT: Messages = {**_MISSING, "invalid": "is not text: put it in quotes"}
_WHOLE: Messages = {**_MISSING, "invalid": "is not a whole number"}
_NUMBER: Messages = {**_MISSING, "invalid": "is not a number"}
_FLAG: Messages = {**_MISSING, "invalid": "is neither true nor false"}
_NESTED: Messages = {**_MISSING, "invalid": "is not a list", "type": "is not a mapping of keys to values"}


class Shape(Schema):
    """A mapping whose keys are all known. With `makes`, it loads to that core class."""

    class Meta:
        unknown = RAISE

    error_messages = _SHAPE
    makes: ClassVar[type | None] = None

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> object:
        frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return self.makes(**frozen) if self.makes is not None else frozen


class Text(fields.String):
    default_error_messages = _TEXT

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=options.pop("validate", _not_blank), **options)


class Whole(fields.Integer):
    """A whole number, written as one."""

    default_error_messages = _WHOLE

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Field[Decimal]):
    """A number with or without decimals, exactly as written."""

    default_error_messages = _NUMBER

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        if type(value) is int or isinstance(value, Decimal):
            return Decimal(value)
        raise self.make_error("invalid")


class Flag(fields.Field[bool]):
    default_error_messages = _FLAG

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise self.make_error("invalid")


class Kinds(fields.Field[object]):
    """A mapping of one of several shapes, told apart by its key `kind`."""

    default_error_messages = _MISSING

    def __init__(self, shapes: Mapping[str, type[Shape]], **options: Any) -> None:
        super().__init__(**options)
        self.shapes = shapes

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> object:
        if not isinstance(value, dict):
            raise ValidationError("is not a mapping of keys to values")
        content = dict(value)
        shape = self.shapes.get(str(content.pop("kind", None)))
        if shape is None:
            raise ValidationError({"kind": [f"is none of {', '.join(self.shapes)}"]})
        return shape().load(content)


def _not_blank(value: str) -> None:
    if not value.strip():
        raise ValidationError("is empty")


def ident(**options: Any) -> Text:
    """An id in words and hyphens, as in file names and URLs."""
    rule = validate.Regexp(r"[a-z0-9]+(-[a-z0-9]+)*\Z", error="is not lower case words joined by hyphens")
    return Text(validate=rule, **options)


def item_id(**options: Any) -> Text:
    """An item's id, as its publisher writes it."""
    rule = validate.Regexp(r"[A-Za-z][A-Za-z0-9_]*\Z", error="is not letters, digits and _")
    return Text(validate=rule, **options)


def listed(inner: fields.Field[Any], *, least: int = 1, **options: Any) -> fields.List[Any]:
    rule = validate.Length(min=least, error=f"needs {least} or more")
    return fields.List(inner, validate=rule, error_messages=_NESTED, **options)


def nested(shape: type[Shape], **options: Any) -> fields.Nested:
    return fields.Nested(shape, error_messages=_NESTED, **options)


def one_of(values: type[StrEnum]) -> fields.Enum[StrEnum]:
    """One word of a fixed list, required: a direction or a metric is never inferred."""
    known = ", ".join(values)
    said: Messages = {"required": f"is missing ({known})", "null": "is empty", "unknown": f"is none of {known}"}
    return fields.Enum(values, by_value=True, required=True, error_messages=said)
