"""Where words go: beside what they name, and over as little else as possible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prom_server.reports.marks import Box, Text, width_of

_CROSSED = 30.0  # cost of one step of a line running through the words
_OUTSIDE = 500.0  # cost of leaving the plot
_WRITTEN = 6.0  # words over words are worse than words over marks
_TOO_MUCH = 420.0  # above this a value is left to the table


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What words must keep clear of."""

    plot: Box
    marks: Sequence[Box]
    path: Sequence[tuple[float, float]]  # steps along the lines

    def cost(self, box: Box, written: Iterable[Box]) -> float:
        near = Box(box.left - 1, box.top - 1, box.right + 1, box.bottom + 1)
        crossed = sum(near.holds(x, y) for x, y in self.path)
        outside = (near.top < self.plot.top - 3) + (near.bottom > self.plot.bottom - 2)
        outside += (near.right > self.plot.right + 2) + (near.left < self.plot.left)
        covered = sum(near.overlap(mark) for mark in self.marks)
        covered += sum(_WRITTEN * near.overlap(words) for words in written)
        return covered + _CROSSED * crossed + _OUTSIDE * outside


def best(spots: Sequence[Text], around: Surroundings, written: Iterable[Box]) -> Text | None:
    """The first of the cheapest spots; None where each covers too much or other words."""
    written = tuple(written)
    costs = [around.cost(spot.box, written) + rank for rank, spot in enumerate(spots)]
    cheapest = min(range(len(spots)), key=costs.__getitem__)
    spot = spots[cheapest]
    hidden = costs[cheapest] > _TOO_MUCH or any(spot.box.overlap(other) > 0 for other in written)
    return None if hidden else spot


def around_point(x: float, y: float, reach: float, radius: float, label: Text) -> tuple[Text, ...]:
    """Above, below, beside and at the corners of a point whose whisker reaches `reach`. `label` gives size and ink."""
    half = width_of(label.words, label.size, strong=label.strong) / 2
    high = label.size * 0.74
    up, down, level = y - reach, y + reach + high, y + high / 2
    aside = radius + 4 + half
    places = [(x, up), (x, down), (x + aside, level), (x - aside, level)]
    places += [(x + half, up), (x - half, up), (x + half, down), (x - half, down)]
    places += [(x, up - high), (x, down + high)]
    return tuple(_moved(label, *place) for place in places)


def _moved(text: Text, x: float, y: float) -> Text:
    return Text(x, y, text.words, text.size, text.fill, text.role, "middle", text.strong, text.halo)


def wrapped(words: str, size: float, room: float) -> tuple[str, ...]:
    """Whole words in lines not wider than `room`, where that is possible."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)


def spread(blocks: Sequence[tuple[float, float]], top: float, foot: float) -> tuple[float, ...]:
    """Tops of blocks (wished middle, height), moved apart just enough; from the top downwards."""
    tops: list[float] = []
    edge = top
    for middle, height in blocks:
        tops.append(max(edge, middle - height / 2))
        edge = tops[-1] + height
    edge = foot
    for index in reversed(range(len(blocks))):
        tops[index] = min(tops[index], edge - blocks[index][1])
        edge = tops[index]
    return tuple(tops)


def rows(places: Sequence[tuple[float, float]], most: int, gap: float = 5) -> tuple[int | None, ...]:
    """For each place (middle, width), from left to right, the first row where it is free; None where none is."""
    ends = [float("-inf")] * most
    chosen: list[int | None] = []
    for middle, width in places:
        row = next((each for each in range(most) if middle - width / 2 >= ends[each] + gap), None)
        if row is not None:
            ends[row] = middle + width / 2
        chosen.append(row)
    return tuple(chosen)
