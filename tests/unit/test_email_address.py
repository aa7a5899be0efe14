"""One rule for every address that is typed, imported or set."""

import pytest

from prom_server.core.email_address import LONGEST, is_email

NONE = [
    "<front@clinic.org>", "a@[b.org", "front@clinic.org,", "ops,desk@clinic.org", "a@]b.org", "a@:b.org", "a@\\b.org",
    "[a@c.org", "a@b..c", "a@b@c.org", "a..b@c.org", ".a@c.org", "a.@c.org", "a@-b.org", "a@b-.org", "a@b.org.", "a@b",
    '"a b"@c.org', "a(b)@c.org", "a;b@c.org", "a@c.org\n", "a@192.168.0.1", "a@\u0435xample.org", "\u0430@example.org",
    "",
]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address(text: str) -> None:
    assert not is_email(text)


@pytest.mark.parametrize("text", ["o'neil+care=1@mail.example.org", "A.B@x.io", "a@xn--bcher-kva.example", "1@2.ch"])
def test_what_is_one(text: str) -> None:
    assert is_email(text)


def test_how_long_it_may_be() -> None:
    assert is_email("a" * 64 + "@example.org")
    assert not is_email("a" * 65 + "@example.org")
    longest = ".".join(["a@b", *["c" * 60] * 3, "d" * 63])
    assert len(longest) <= LONGEST
    assert is_email(longest)
    assert not is_email(longest.replace("d" * 63, f"{'d' * 6}.{'d' * 63}"))
