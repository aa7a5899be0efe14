"""Made-up supplements: the licensed words and the tables that are not public stand nowhere in this repository."""

from pathlib import Path

SELF_EFFICACY = "promis-self-efficacy-symptoms-4a"
SEMSX = ["SEMSX009", "SEMSX010", "SEMSX011", "SEMSX014"]
HEAD = {"supplement": "pcs", "revision": "1", "source": "a licence", "date": "2026-11-24", "entered_by": "Bob"}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def pcs(items: int = 13, **changes: str) -> str:
    lines = [f"{key}: {value}" for key, value in (HEAD | changes).items()]
    return "\n".join([*lines, "items:", *(f"  pcs{n}: Synthetic wording {n}" for n in range(1, items + 1)), ""])


def synthetic_table(low: str = "20.0") -> str:
    """Seventeen rows from raw 4 to 20; the first T-score is `low`."""
    rows = [f"4,{low},5.1", *(f"{raw},{25 + 2 * (raw - 5)}.5,2.5" for raw in range(5, 20)), "20,60.0,"]
    return "\n".join(["raw,T,SE", *rows, ""])


def self_efficacy(folder: Path, table: str | None = None, **changes: str) -> Path:
    """Wording and a table."""
    written(folder, "se-4a.csv", synthetic_table() if table is None else table)
    lines = [f"{key}: {value}" for key, value in (HEAD | {"supplement": SELF_EFFICACY} | changes).items()]
    words = [f"  {item}: Synthetic wording {n}" for n, item in enumerate(SEMSX, 1)]
    tables = ["tables:", "  self-efficacy-symptoms: {file: se-4a.csv, source: a synthetic manual}", ""]
    return written(folder, "se.yaml", "\n".join([*lines, "context: A synthetic stem", "items:", *words, *tables]))


def gad7_in_spanish(**changes: str) -> str:
    """A synthetic translation, whole."""
    head = HEAD | {"supplement": "gad-7", "language": "es"} | changes
    stem = "Over the last 2 weeks, how often have you been bothered by the following problems?"
    return "\n".join(
        [
            *(f"{key}: {value}" for key, value in head.items()),
            "contexts:",
            f'  "{stem}": Contexto sintético',
            "items:",
            *(f"  gad{n}: Texto sintético {n}" for n in range(1, 8)),
            "options:",
            '  frequency: {0: "Cero", 1: "Uno", 2: "Dos", 3: "Tres"}',
            "sections:",
            "  worry: Título sintético",
            "",
        ]
    )
