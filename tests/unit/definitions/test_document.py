"""The plain part of YAML: what is read, and what is refused with its line."""

import time
from decimal import Decimal
from pathlib import Path

import pytest

from prom_server.core.refusals import DefinitionError
from prom_server.definitions import build
from prom_server.definitions.document import MAX_BYTES, MAX_TOLD, MAX_VALUES, Document, Finding, parse, read
from prom_server.definitions.loading import no_bank

FILE = Path("some.v1.yaml")


def parsed(text: str) -> Document:
    return parse(text.encode(), FILE)


def test_plain_values() -> None:
    text = (
        """a: 1\nb: 64.1\nc: some words\nd: null\ne:\nf: true\ng: "No"\nh: [-3, 'x', 2026-11-24, 61583-1]\n4: four\n"""
    )
    assert parsed(text).data == {
        "a": 1,
        "b": Decimal("64.1"),
        "c": "some words",
        "d": None,
        "e": None,
        "f": True,
        "g": "No",
        "h": [-3, "x", "2026-11-24", "61583-1"],
        "4": "four",
    }


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\n", FILE).data == {"a": 1}


def test_errors_name_the_nearest_line_that_was_written() -> None:
    document = parsed("a: 1\nb:\n  - {c: 2}\n  - d: 3\n")
    assert document.at(("b", 1, "d")) == "some.v1.yaml:4"
    assert document.at(("b", 0, "missing", 7)) == "some.v1.yaml:3"
    assert document.at(()) == "some.v1.yaml:1"
    error = document.error([Finding(("b", 1, "d"), "is odd"), Finding((), "is short")])
    assert str(error) == "some.v1.yaml:1: is short\nsome.v1.yaml:4: b.1.d: is odd"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: is empty"),
        ("# nothing\n", ":1: is empty"),
        ("- a\n- b\n", ":1: a definition is a mapping"),
        ("just words\n", ":1: a definition is a mapping"),
        ("a: 1\nb: 2\na: 3\n", ":3: 'a' is written twice"),
        ("a:\n  b: 1\n  b: 2\n", ":3: 'b' is written twice"),
        ("a: 1\nb: &here 2\n", ":2: anchors and aliases"),
        ("a: &here [1]\nb: *here\n", ":1: anchors and aliases"),
        ("&top\na: 1\n", "anchors and aliases"),
        ("a: 1\nb: *nowhere\n", ":2: "),
        ("a: !!python/object/apply:os.system ['true']\n", ":1: tags"),
        ("a: 1\nb: !!str 5\n", ":2: tags"),
        ("!!map\na: 1\n", "tags"),
        ("a: 1\n---\nb: 2\n", ":2: only one document"),
        ("a: 1\nlabel: No\n", ':2: YAML may read No as true or false: write "No"'),
        ("a: Off\n", 'write "Off"'),
        ("a: Yes\n", 'write "Yes"'),
        ("a: TRUE\n", 'write "TRUE"'),
        ("no: 1\n", 'write "no"'),
        ("true: 1\n", "'true' cannot be a key"),
        ("4.5: 1\n", "'4.5' cannot be a key"),
        ("? [a, b]\n: 1\n", "a key is a plain word"),
        ("a: 010\n", "010 is not a plain number"),
        ("a: 1e3\n", "1e3 is not a plain number"),
        ("a: .5\n", ".5 is not a plain number"),
        ("a: 0x1F\n", "0x1F is not a plain number"),
        ("a: 1_000\n", "1_000 is not a plain number"),
        ("a: 1:30\n", "1:30 is not a plain number"),
        ("a: .inf\n", ".inf is not a plain number"),
        ("a: .NaN\n", ".NaN is not a plain number"),
        ("a: [1, 2\nb: 3\n", ":2: is not YAML"),
        ("a: 1\n\tb: 2\n", ":2: is not YAML"),
        ('a: "open\n', "is not YAML"),
        ("a: \x01\n", "is not YAML"),
    ],
)
def test_what_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        parsed(text)
    assert str(refusal.value).startswith("some.v1.yaml:")
    assert message in str(refusal.value)


def test_not_utf_8() -> None:
    with pytest.raises(DefinitionError, match=r"some\.v1\.yaml:2: is not UTF-8"):
        parse(b"a: 1\nb: \xff\n", FILE)


@pytest.mark.parametrize(
    "content",
    [
        b"a: " + b"[" * 240_000,
        b"a: " + b"{a: " * 48_000,
        b"a: " + b"[" * 30 + b"]" * 30,
        b"x" * (MAX_BYTES + 1),
        b"a: [" + b"*x, " * 48_000 + b"]",
        b"a: &a [x]\n" + b"".join(b"b%d: [*a, *a, *a]\n" % n for n in range(2_000)),
        b"a: " + b"[[" * 30 + b"x" + b"]]" * 30,
        b"a: " + b"- " * 110_000,
        b"a: !!python/name:os.system " + b"x" * 240_000,
        b"? " * 110_000,
        b"a: " + b"9" * 240_000,
        b"a: 1" + b"0" * 240_000 + b"e9",
        b"a: 'x" + b"x" * 240_000,
        b"a: |" + b"9" * 240_000,
        b"a: {" + b"b, " * 48_000,
    ],
    ids=[
        *("lists", "mappings", "thirty", "large", "aliases", "bomb", "deep", "dashes", "tag", "keys"),
        *("digits", "exponent", "open", "block", "flow"),
    ],
)
def test_what_is_too_deep_or_too_large_is_refused_fast(content: bytes) -> None:
    began = time.process_time()
    with pytest.raises(DefinitionError, match=r"^some\.v1\.yaml:[12]: "):
        parse(content, FILE)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("values", [b"{}, ", b"{id: x}, ", b"x, "])
def test_what_is_long_is_linted_fast(values: bytes) -> None:
    """As many values as a file may have, and every one of them wrong."""
    count = {b"{}, ": 4_900, b"{id: x}, ": 2_450, b"x, ": 4_900}[values]
    document = parse(b"instrument: a\nsections: [" + values * count + b"]\n", FILE)
    began = time.process_time()
    with pytest.raises(DefinitionError, match=r"some\.v1\.yaml:1: and [0-9]+ more$") as refusal:
        build.instrument(document, no_bank)
    assert time.process_time() - began < 1
    assert len(str(refusal.value).splitlines()) == MAX_TOLD + 1
    with pytest.raises(DefinitionError, match=rf"^some\.v1\.yaml:1: has more than {MAX_VALUES} values"):
        parse(b"a: [" + b"{}, " * (MAX_VALUES + 1) + b"]\n", FILE)


def test_a_huge_text_is_text_and_read_fast() -> None:
    began = time.process_time()
    text = "words " * 40_000
    assert parsed(f"a: '{text}'\n").data == {"a": text}
    assert time.process_time() - began < 0.5


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        read(tmp_path / "none.v1.yaml")
