"""A page of docs/instruments for every instrument, written from its definition, and their index.

The pages say what is shipped: no supplement, no clinic. `bin/instrument-docs` writes them, `--check` compares.
"""

import re
import sys
from pathlib import Path

from babel.support import NullTranslations
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prom_server.core import catalogue
from prom_server.core.instrument import Instrument
from prom_server.definitions.library import Library
from prom_server.reports import filters

ROOT = Path(__file__).resolve().parents[2]
DOCS = Path("docs", "instruments")
INDEX = """\
<!-- Written by bin/instrument-docs from the definitions. Change those, not this page. -->

# Instruments

What this server ships. [How scores are computed](../scoring.md) in general;
[how to add one](../adding-an-instrument.md).

| instrument | items | minutes | revision | licence |
|---|---:|---:|---:|---|
"""
_MARKUP = re.compile(r"([\\`*_|<>\[\]])")
_MANY_BREAKS = re.compile(r"\n{3,}")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\1", text)


def _environment(root: Path) -> Environment:
    folders = [str(root / "templates"), str(root / "tests" / "tools")]
    environment = Environment(  # the pages are Markdown: nothing is escaped for HTML
        loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"], autoescape=False,  # noqa: S701
    )  # fmt: skip
    environment.install_gettext_translations(NullTranslations(), newstyle=True)
    filters.install(environment)
    environment.filters["md"] = escaped
    return environment


def expected(root: Path = ROOT) -> dict[Path, str]:
    """Each page with the text that it should have."""
    library = Library([root / "instruments"])
    instruments = library.instruments()
    files = {root / DOCS / "README.md": INDEX + "".join(f"{_line(each)}\n" for each in instruments)}
    template = _environment(root).get_template("instrument.md.jinja")
    for each in instruments:
        view = catalogue.page(each, [library.get(each.id, revision) for revision in library.revisions(each.id)])
        definition = next((root / "instruments").glob(f"*/{each.id}.v{each.revision}.yaml"))
        text = template.render(
            view=view,
            definition=f"../../{definition.relative_to(root)}",
            notice=f"../../{definition.parent.relative_to(root)}/NOTICE",
            numbers={item.id: number for number, item in enumerate(each.items, 1)},
        )
        files[root / DOCS / f"{each.id}.md"] = _MANY_BREAKS.sub("\n\n", text).strip("\n") + "\n"
    return files


def _line(instrument: Instrument) -> str:
    line = catalogue.line(instrument, ())
    items = f"{line.least}–{line.most} of {line.items}" if line.least else str(line.items)
    cells = (f"[{line.short}]({line.id}.md): {escaped(line.name)}", items, line.minutes, line.revision)
    return "| " + " | ".join(map(str, cells)) + f" | {instrument.licence.kind} |"


def stale(root: Path = ROOT) -> dict[Path, str | None]:
    """Pages to write; None for a page of an instrument that is gone."""
    pages = expected(root)
    wrong: dict[Path, str | None] = {
        path: text for path, text in pages.items() if not path.exists() or path.read_text() != text
    }
    return wrong | {path: None for path in sorted((root / DOCS).glob("*.md")) if path not in pages}


def write(pages: dict[Path, str | None]) -> None:
    for path, text in pages.items():
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def main(arguments: list[str], root: Path = ROOT) -> int:
    pages = stale(root)
    if "--check" not in arguments:
        write(pages)
        for path in pages:
            print(f"wrote {path.relative_to(root)}")
        return 0
    for path in pages:
        print(f"{path.relative_to(root)} is not what the definition says: run bin/instrument-docs.")
    return 1 if pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
