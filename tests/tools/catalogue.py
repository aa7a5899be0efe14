"""The catalogue of visible strings: translations/messages.pot, and the translations brought up to it.

The files carry no dates and no line numbers, so that they change only when a string does. English is the language of
the source: its translations stay empty.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "translations" / "messages.pot"
KEYWORDS = DEFAULT_KEYWORDS | parse_keywords(["lazy_gettext", "lazy_ngettext:1,2", "_l"])
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
    found = extract_from_dir(root, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",))
    for path, _line, message, comments, context in found:
        catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    return catalog


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
    english = root / "translations" / "en" / "LC_MESSAGES" / "messages.po"
    for path in sorted({english, *root.glob("translations/*/LC_MESSAGES/messages.po")}):
        files[path] = translation(path, template)
    return files


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
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
