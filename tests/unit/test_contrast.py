"""The colours of every theme, computed: body text 7:1, everything else that is read 4.5:1, edges of controls 3:1."""

import re
from itertools import product

import pytest

from prom_server.web.filters import STATIC

TOKENS = (STATIC / "tokens.css").read_text(encoding="utf-8")
GROUNDS = ("ground", "ground-2", "surface")
BODY = [*product(("ink",), (*GROUNDS, "accent-wash", "attention-wash", "danger-wash"))]
TEXT = [
    *product(("ink-2", "accent"), GROUNDS),
    ("ink-2", "accent-wash"),
    ("attention", "attention-wash"),
    ("accent", "attention-wash"),
    ("danger", "ground"),
    ("danger", "danger-wash"),
    ("on-accent", "accent"),
    ("on-danger", "danger"),
]
EDGES = [*product(("edge", "accent"), GROUNDS), ("attention-edge", "ground"), ("danger", "ground")]


def declared(selector: str, within: str = "") -> dict[str, str]:
    """Name -> colour in the first block of this selector, after `within`."""
    text = TOKENS[TOKENS.index(within) :]
    block = re.search(re.escape(selector) + r" \{(.*?)\n\s*\}", text, re.DOTALL)
    assert block, selector
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block.group(1)))


LIGHT = declared(":root")
THEMES = {
    "light": LIGHT,
    "dark": LIGHT | declared('[data-theme="dark"]'),
    "contrast": LIGHT | declared('[data-theme="contrast"]'),
    "auto, a dark device": LIGHT | declared('[data-theme="auto"]', "(prefers-color-scheme: dark)"),
    "auto, a device with more contrast": LIGHT | declared('[data-theme="auto"]', "(prefers-contrast: more)"),
}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_arithmetic() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("least", "pairs"), [(7, BODY), (4.5, TEXT), (3, EDGES)], ids=["body", "text", "edges"])
def test_contrast(theme: str, least: float, pairs: list[tuple[str, str]]) -> None:
    colours = THEMES[theme]
    weak = {
        f"--{ink} on --{ground}": round(contrast(colours[ink], colours[ground]), 2)
        for ink, ground in pairs
        if contrast(colours[ink], colours[ground]) < least
    }
    assert weak == {}


def test_a_device_s_own_choice_gives_the_same_themes() -> None:
    assert THEMES["auto, a dark device"] == THEMES["dark"]
    assert THEMES["auto, a device with more contrast"] == THEMES["contrast"]


def test_every_theme_names_the_same_colours() -> None:
    """A colour that only one theme names would be missing in the others."""
    for name in ("dark", "contrast"):
        assert declared(f'[data-theme="{name}"]').keys() <= LIGHT.keys()
    assert set(declared('[data-theme="dark"]')) == set(LIGHT)
