"""Reads a page as a browser without scripts does: its forms, their fields, its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)  # hidden and typed ones, and what is chosen
    options: dict[str, list[str]] = field(default_factory=dict)  # radios
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(at.get("action", ""), at.get("method", "get"))
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            self._input(self._form, at)
        elif tag == "button" and self._form is not None:
            self._form.buttons.append((at.get("name", ""), at.get("value", "")))
        elif tag == "a":
            self.links.append(at.get("href", ""))
        elif tag in {"script", "style", "title"}:
            self._silent += 1

    @staticmethod
    def _input(form: Form, at: dict[str, str]) -> None:
        if at.get("type") != "radio":
            form.fields[at.get("name", "")] = at.get("value", "")
            return
        form.options.setdefault(at["name"], []).append(at["value"])
        if "checked" in at:
            form.fields[at["name"]] = at["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag in {"script", "style", "title"}:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(" ".join(data.split()))


@dataclass
class Page:
    forms: list[Form]
    text: str
    links: list[str]

    @property
    def form(self) -> Form:
        """The page's first form."""
        return self.forms[0]


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    return Page(reader.forms, " ".join(reader.words), reader.links)
