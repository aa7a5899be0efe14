"""The catalogue of visible strings: translations/messages.pot, and the translations brought up to it.

The files carry no dates and no line numbers, so that they change only when a string does. English is the language of
the source: its translations stay empty. In every other language the patient's pages are translated whole: `--check`
names what is missing, uncertain ("fuzzy") or has lost a placeholder. What only staff read may stay English.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from prom_server.core.preferences import LANGUAGES
from prom_server.core.sharing import title
from prom_server.definitions.library import Library

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "translations" / "messages.pot"
KEYWORDS = DEFAULT_KEYWORDS | parse_keywords(["lazy_gettext", "lazy_ngettext:1,2", "_l"])
# Where a patient reads: whole folders and files, and the headings of questionnaires, which are our own words.
PATIENT_PAGES = (
    "templates/patient/",
    "templates/kiosk/",
    "templates/error/",
    "templates/base.html",
    "templates/base_patient.html",
    "templates/_macros/patient.html",
    "templates/_macros/display.html",
    "templates/_macros/refusal.html",
    "templates/_macros/kiosk.html",
    "instruments/",
)
HEADER = """\
# {title}
msgid ""
msgstr ""
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
{more}
"""


def extracted(root: Path = ROOT) -> Catalog:
    """Every visible string of the package and the templates."""
    catalog = Catalog(charset="utf-8")
    with (root / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(
        root, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",), directory_filter=_is_ours
    )
    for path, _line, message, comments, context in found:
        catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    for heading in _headings():
        catalog.add(heading, locations=[("instruments/", 0)])
    return catalog


def _is_ours(folder: object) -> bool:
    """Not what is hidden. Babel's own filter would leave out `_macros` too."""
    return not Path(str(folder)).name.startswith((".", "__pycache__"))


def _headings() -> set[str]:
    """Of the sections of every published revision: our words, shown above the publisher's; and of the results."""
    library = Library.shipped()
    revisions = [
        library.get(each.id, number) for each in library.instruments() for number in library.revisions(each.id)
    ]
    named = [(each, scale) for each in revisions for scale in each.scales if scale.bands]
    return (
        {section.title for each in revisions for section in each.sections}
        | {title(each, scale) for each, scale in named}
        | {band.label for _each, scale in named for band in scale.bands}
    )


def written(catalog: Catalog, title: str, more: str = "") -> str:
    """The catalogue as text, with a header that says nothing that changes by itself."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, omit_header=True, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return HEADER.format(title=title, more=more) + buffer.getvalue().decode()


def translation(path: Path, template: Catalog) -> str:
    """One language's file, brought up to the template; what was translated stays."""
    language = path.parents[1].name
    old = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=language)
    old.update(template, no_fuzzy_matching=True)
    more = f'"Language: {language}\\n"\n"Plural-Forms: {old.plural_forms}\\n"\n'
    return written(old, f"The visible strings of prom-server, {language}.", more)


def expected(root: Path = ROOT) -> dict[Path, str]:
    """Each file of the catalogue with the text that it should have."""
    template = extracted(root)
    files = {root / "translations" / "messages.pot": written(template, "The visible strings of prom-server.")}
    for language in LANGUAGES:
        path = root / "translations" / language / "LC_MESSAGES" / "messages.po"
        files[path] = translation(path, template)
    return files


def unfinished(path: Path) -> list[str]:
    """What of the patient's pages is not translated, or not for certain, and every translation that cannot be right."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parents[1].name)
    found = [f"{message.id}: {problem}" for message, problems in catalog.check() for problem in problems]
    for message in catalog:
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and _is_patients(message) and (message.fuzzy or not all(strings)):
            found.append(f"{message.id}: {'fuzzy' if message.fuzzy else 'not translated'}")
    return found


def _is_patients(message: Message) -> bool:
    return any(place.startswith(PATIENT_PAGES) for place, _line in message.locations)


def main(arguments: list[str]) -> int:
    files = expected()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" not in arguments:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
            print(f"wrote {path.relative_to(ROOT)}")
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what the source says: run bin/catalogue and keep what it writes.")
    lacking = [f"{path.parents[1].name}: {each}" for path in files if _is_translated(path) for each in unfinished(path)]
    for line in lacking:
        print(line)
    return 1 if stale or lacking else 0


def _is_translated(path: Path) -> bool:
    return path.suffix == ".po" and path.parents[1].name != LANGUAGES[0] and path.exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
