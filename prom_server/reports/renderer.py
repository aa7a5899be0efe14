"""The process that turns HTML into PDF. It opens no database, reaches no network and reads no file but our own styles.

WeasyPrint is not safe in threads, so one spawned process does all of it; `pdf` talks to it.
"""

import multiprocessing
import os
import threading
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import prom_server

PAPERS = {  # what each adds to report.css: Letter is 18 mm shorter and has lower margins
    "a4": "@page { size: A4; }",
    "letter": "@page { size: Letter; margin-top: 17mm; margin-bottom: 13mm; }",
}
ROOT = "https://bundled.invalid/"  # names our own files; nothing is ever asked of a network
MISSING = (
    "PDF files need WeasyPrint's libraries. On Debian and Ubuntu: "
    "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
)
_STATIC = Path(prom_server.__file__).parent / "web" / "static"
FONT = "font/atkinson-hyperlegible-next-latin-wght-normal.woff2"


class MissingLibraries(RuntimeError):
    """WeasyPrint cannot be imported; the message names the packages."""


def serve(connection: Connection) -> None:
    """Renders (html, paper) until the other end closes; answers (True, bytes) or (False, kind, words)."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            html, paper = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # at once: what the libraries do at exit has nothing left to do here
        connection.send(_answer(html, paper))


def end_with_parent() -> None:
    """A killed parent leaves its children behind; this one follows it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _answer(html: str, paper: str) -> tuple[bool, bytes | str]:
    try:
        return True, write(html, paper)
    except MissingLibraries as refusal:
        return False, str(refusal)
    except Exception as error:  # noqa: BLE001 - whatever went wrong crosses to the other process as words
        return False, f"{type(error).__name__} while rendering"


def write(html: str, paper: str) -> bytes:
    """A tagged PDF/UA-1 document. Called in the rendering process only."""
    weasyprint = _weasyprint()
    kit = _kit()
    document = weasyprint.HTML(string=html, base_url=ROOT, url_fetcher=kit["fetcher"])
    written: bytes = document.write_pdf(
        stylesheets=[*kit["styles"], kit["papers"][paper]], font_config=kit["fonts"], pdf_variant="pdf/ua-1"
    )
    return written


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise MissingLibraries(MISSING) from error
    return weasyprint


@cache
def _kit() -> dict[str, Any]:
    """One font configuration and one parse of the styles for the life of the process."""
    weasyprint = _weasyprint()
    from weasyprint.text.fonts import FontConfiguration

    fonts, fetcher = FontConfiguration(), fetcher_of_bundled()

    def css(text: str) -> Any:
        return weasyprint.CSS(string=text, base_url=ROOT, font_config=fonts, url_fetcher=fetcher)

    return {
        "fonts": fonts,
        "fetcher": fetcher,
        "styles": [css((_STATIC / name).read_text(encoding="utf-8")) for name in ("tokens.css", "report.css")],
        "papers": {key: css(text) for key, text in PAPERS.items()},
    }


def fetcher_of_bundled() -> Any:
    """Gives `data:` addresses and the font; refuses everything else, other files of ours included."""
    _weasyprint()
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Bundled(URLFetcher):
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            if url == ROOT + FONT:
                return URLFetcherResponse(url, (_STATIC / FONT).read_bytes(), {"Content-Type": "font/woff2"})
            return super().fetch(url, headers)

    return Bundled(allowed_protocols={"data"}, allow_redirects=False)
