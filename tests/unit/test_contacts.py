"""Addresses as they are kept, what their facts say, and who may be one person."""

from datetime import UTC, datetime

import pytest

from prom_server.core.contacts import ChannelState, NotAMobile, NotAnEmail, email, mobile, state_of
from prom_server.core.enrolment import names_alike

THEN = datetime(2026, 11, 23, 19, tzinfo=UTC)


def test_an_e_mail_address_is_kept_in_lower_case() -> None:
    assert email("  Rosa.Specimen+care@Mail.Example.ORG ") == "rosa.specimen+care@mail.example.org"


@pytest.mark.parametrize(
    "typed",
    ["", "rosa", "rosa@", "@example.org", "rosa@example", "rosa@example..org", "ro sa@example.org", "a@b.org,c@d.org",
     "Rosa <rosa@example.org>", "rosa@example.org.", "rosa@exämple.org", "a" * 65 + "@example.org",
     "r@" + "e" * 250 + ".org", "rosa@example.org\nbcc: other@example.org"],
)  # fmt: skip
def test_what_is_no_e_mail_address(typed: str) -> None:
    with pytest.raises(NotAnEmail):
        email(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("(303) 555-0142", "+13035550142"),
        ("303.555.0142", "+13035550142"),
        ("1 303 555 0142", "+13035550142"),
        ("+1 303-555-0142", "+13035550142"),
        (" +44 7700 900123 ", "+447700900123"),  # of the range for drama in the United Kingdom
    ],
)
def test_a_mobile_number_is_kept_as_e164(typed: str, kept: str) -> None:
    assert mobile(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "+", "555-0142", "07700 900123", "0303 555 0142", "303 055 0142", "103 555 0142", "+0 303 555 0142",
     "+1 303 555 014", "+1 303 555 01422", "+1234567", "+1234567890123456", "303 555 0142 x5", "+٤٤7700900123"],
)  # fmt: skip
def test_what_is_no_mobile_number(typed: str) -> None:
    """A number without a country is one of the United States or none: it is never guessed into another country."""
    with pytest.raises(NotAMobile):
        mobile(typed)


@pytest.mark.parametrize(
    ("consented", "stopped", "undeliverable", "state"),
    [
        (False, False, False, ChannelState.NO_CONSENT),
        (True, False, False, ChannelState.CONSENTED),
        (True, False, True, ChannelState.UNDELIVERABLE),
        (False, False, True, ChannelState.NO_CONSENT),
        (True, True, False, ChannelState.STOPPED),
        (True, True, True, ChannelState.STOPPED),
    ],
)
def test_the_patients_wish_weighs_more_than_delivery(
    consented: bool, stopped: bool, undeliverable: bool, state: ChannelState
) -> None:
    facts = [THEN if each else None for each in (consented, stopped, undeliverable)]
    assert state_of(*facts) is state


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("Specimen", "Rosa"), ("SPECIMEN", "Rosa"), True),
        (("García", "Zoë"), ("Garcia", "Zoe"), True),
        (("Müller", "Eva"), ("Eva", "Muller"), True),  # the two fields swapped
        (("Specimen", "Rosa"), ("Specimin", "Rosa"), True),
        (("Specimen", "Rosa"), ("Specimen", "Rosa Maria"), True),
        (("Specimen", "Rosa"), ("Specimen", "Theo"), False),  # twins
        (("Specimen", "Rosa"), ("Madeup", "Rosa"), False),
    ],
)
def test_names_that_may_be_one_persons(one: tuple[str, str], other: tuple[str, str], alike: bool) -> None:
    assert names_alike(*one, *other) is names_alike(*other, *one) is alike
