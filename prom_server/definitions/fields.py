"""The kinds of value a definition file may hold. Nothing is coerced: "5" is not 5, and true is not 1."""

import re
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
_ANSWERS: Messages = {**_MISSING, "invalid": "is neither a list of answers nor item: answer"}
_MAPPING: Messages = {**_MISSING, "invalid": "is not a mapping of keys to values"}
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


class WholeKey(fields.Field[int]):
    """A whole number as a key of a mapping: there the reader gives text."""

    def __init__(self, message: str) -> None:
        super().__init__(error_messages={"invalid": message})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
            return int(value)
        raise self.make_error("invalid")


class Number(fields.Field[Decimal]):
    """A number with or without decimals, exactly as written."""

    default_error_messages = _NUMBER

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        if type(value) is int or isinstance(value, Decimal):
            return Decimal(value)
        raise self.make_error("invalid")


class Answers(fields.Field[object]):
    """Of a worked example: a list in the order of the scored items, or item -> value of what was asked."""

    default_error_messages = _ANSWERS

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> object:
        if not isinstance(value, list | dict):
            raise self.make_error("invalid")
        places = value.items() if isinstance(value, dict) else enumerate(value)
        if wrong := {
            place: [_WHOLE["invalid"]] for place, each in places if each is not None and type(each) is not int
        }:
            raise ValidationError(wrong)
        return value


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


def sha256_hex(**options: Any) -> Text:
    return Text(validate=validate.Regexp(r"[0-9a-f]{64}\Z", error="is not a SHA-256 in hexadecimal"), **options)


def positive(**options: Any) -> Whole:
    return Whole(validate=validate.Range(min=1, error="is below 1"), **options)


def natural(**options: Any) -> Whole:
    return Whole(validate=validate.Range(min=0, error="is below 0"), **options)


def listed(inner: fields.Field[Any], *, least: int = 1, **options: Any) -> fields.List[Any]:
    rule = validate.Length(min=least, error=f"needs {least} or more")
    return fields.List(inner, validate=rule, error_messages=_NESTED, **options)


def mapping(keys: fields.Field[Any], values: fields.Field[Any], **options: Any) -> fields.Dict:
    return fields.Dict(keys=keys, values=values, error_messages=_MAPPING, **options)


def pair(first: fields.Field[Any], second: fields.Field[Any], message: str, **options: Any) -> fields.Tuple:
    """A list of two. A wrong length has the message of a wrong kind."""
    found = fields.Tuple((first, second), error_messages={**_MISSING, "invalid": message}, **options)
    found.validate_length.error = message
    return found


def nested(shape: type[Shape], **options: Any) -> fields.Nested:
    return fields.Nested(shape, error_messages=_NESTED, **options)


def one_of(values: type[StrEnum]) -> fields.Enum[StrEnum]:
    """One word of a fixed list, required: a direction or a metric is never inferred."""
    known = ", ".join(values)
    said: Messages = {"required": f"is missing ({known})", "null": "is empty", "unknown": f"is none of {known}"}
    return fields.Enum(values, by_value=True, required=True, error_messages=said)
