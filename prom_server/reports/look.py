"""How large a chart is and in which ink: wide and narrow on the screen, black on paper."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """Lengths in units of the view box: one CSS pixel on the screen, 0.264 mm (84 mm / 318) on paper."""

    css_class: str
    width: float
    plot_height: float
    left: float  # room for the axis figures
    right: float  # room for the names of the bands
    inset: float  # between the axis and the first and last point
    week: float  # from the baseline to the end of the infusions, drawn wider than its days
    pause: float  # between two courses
    text: float
    value: float
    radius: float
    ink: str
    quiet: str
    hair: str
    ground: str
    tints: tuple[str | None, ...]  # by severity, 0 to 4
    whole_title: bool = False  # the description is part of the title: a PDF keeps only the title


_SCREEN_TINTS = tuple(f"var(--severity-{severity})" for severity in range(5))

WIDE = Look(
    css_class="chart chart-wide",
    width=560,
    plot_height=150,
    left=34,
    right=119,
    inset=24,
    week=56,
    pause=54,
    text=13,
    value=14,
    radius=5,
    ink="var(--ink)",
    quiet="var(--ink-2)",
    hair="var(--edge)",
    ground="var(--ground)",
    tints=_SCREEN_TINTS,
)
NARROW = Look(
    css_class="chart chart-narrow",
    width=358,
    plot_height=160,
    left=28,
    right=76,
    inset=17,
    week=42,
    pause=34,
    text=12,
    value=13,
    radius=4.5,
    ink="var(--ink)",
    quiet="var(--ink-2)",
    hair="var(--edge)",
    ground="var(--ground)",
    tints=_SCREEN_TINTS,
)
PAPER = Look(
    css_class="chart",
    width=318,
    plot_height=77,
    left=21,
    right=82,
    inset=12,
    week=36,
    pause=28,
    text=9.6,
    value=10.2,
    radius=2.9,
    ink="#000000",
    quiet="#333333",
    hair="#777777",
    ground="#ffffff",
    tints=(None,) * 5,
    whole_title=True,
)
LOOKS = {"wide": WIDE, "narrow": NARROW, "paper": PAPER}
