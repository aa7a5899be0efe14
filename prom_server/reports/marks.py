"""The few shapes a chart is made of, and how they are written as SVG.

Presentation attributes only: the pages forbid inline styles. Lengths are in the units of the drawing's view box.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

Anchor = Literal["start", "middle", "end"]
Attributes = Mapping[str, str | float | None]

# Advance widths of Atkinson Hyperlegible Next at weight 400, in em; the rest are near 0.56.
_WIDTHS = {
    **dict.fromkeys(" ", 0.28),
    **dict.fromkeys(".,:;", 0.21),
    **dict.fromkeys("ijl·", 0.25),
    **dict.fromkeys("()fr-", 0.33),
    **dict.fromkeys("t", 0.33),
    **dict.fromkeys("1/", 0.41),
    **dict.fromkeys("yvzsxck", 0.48),
    **dict.fromkeys("6−+48BRZXAK", 0.62),
    **dict.fromkeys("0CDwGHNU", 0.68),
    **dict.fromkeys("OQmMW", 0.82),
}
_STRONG = 1.06  # weight 650 is wider


def width_of(words: str, size: float, *, strong: bool = False) -> float:
    return sum(_WIDTHS.get(each, 0.56) for each in words) * size * (_STRONG if strong else 1)


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def wider(self, by: float) -> "Box":
        return Box(self.left - by, self.top, self.right + by, self.bottom)

    def holds(self, x: float, y: float) -> bool:
        return self.left < x < self.right and self.top < y < self.bottom


@dataclass(frozen=True, slots=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str
    width: float = 1
    dash: str | None = None

    def svg(self) -> Markup:
        ends: Attributes = {"x1": self.x1, "y1": self.y1, "x2": self.x2, "y2": self.y2}
        ink: Attributes = {"stroke": self.stroke, "stroke-width": self.width, "stroke-dasharray": self.dash}
        return _tag("line", {**ends, **ink})


@dataclass(frozen=True, slots=True)
class Rect:
    box: Box
    fill: str
    opacity: float

    def svg(self) -> Markup:
        box = self.box
        where: Attributes = {"x": box.left, "y": box.top, "width": box.right - box.left, "height": box.bottom - box.top}
        return _tag("rect", {**where, "fill": self.fill, "fill-opacity": self.opacity})


@dataclass(frozen=True, slots=True)
class Circle:
    x: float
    y: float
    radius: float
    fill: str
    stroke: str
    width: float

    def svg(self) -> Markup:
        where: Attributes = {"cx": self.x, "cy": self.y, "r": self.radius}
        return _tag("circle", {**where, "fill": self.fill, "stroke": self.stroke, "stroke-width": self.width})


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed outline through its corners."""

    corners: tuple[tuple[float, float], ...]
    fill: str
    stroke: str | None = None
    width: float | None = None

    def svg(self) -> Markup:
        path = "L".join(f"{_short(x)} {_short(y)}" for x, y in self.corners)
        ink: Attributes = {"fill": self.fill, "stroke": self.stroke, "stroke-width": self.width}
        return _tag("path", {"d": f"M{path}Z", **ink})


@dataclass(frozen=True, slots=True)
class Text:
    """Words on a base line. `halo` is the colour of an outline behind them. `role` says what they are."""

    x: float
    y: float
    words: str
    size: float
    fill: str
    role: str
    anchor: Anchor = "start"
    strong: bool = False
    halo: str | None = None

    @property
    def box(self) -> Box:
        wide = width_of(self.words, self.size, strong=self.strong)
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return Box(left, self.y - self.size * 0.74, left + wide, self.y)

    def svg(self) -> Markup:
        behind = self._write(self.halo, outline=True) if self.halo else Markup()
        return behind + self._write(self.fill, outline=False)

    def _write(self, fill: str, *, outline: bool) -> Markup:
        place: Attributes = {"x": self.x, "y": self.y, "font-size": self.size, "fill": fill}
        type_: Attributes = {
            "text-anchor": None if self.anchor == "start" else self.anchor,
            "font-weight": 650 if self.strong else None,
        }
        edge: Attributes = {"stroke": fill, "stroke-width": 4, "stroke-linejoin": "round", "aria-hidden": "true"}
        return _tag("text", {**place, **type_, **(edge if outline else {})}, self.words)


Mark = Line | Rect | Circle | Shape | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]

    def svg(self, css_class: str) -> Markup:
        wide, high = _short(self.width), _short(self.height)
        head = Markup(
            '<svg class="{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
            'font-family="Atkinson Hyperlegible Next"><title>{}</title><desc>{}</desc>'
        ).format(css_class, wide, high, wide, high, self.title, self.description)
        return head + Markup().join(mark.svg() for mark in self.marks) + Markup("</svg>")


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _tag(name: str, attributes: Attributes, content: str | None = None) -> Markup:
    written = "".join(
        f' {key}="{escape(value) if isinstance(value, str) else _short(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "/>" if content is None else f">{escape(content)}</{name}>"
    return Markup(f"<{name}{written}{end}")  # noqa: S704 - every value above is escaped or a number
