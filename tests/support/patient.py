"""A patient's browser without scripts over a real connection: cookies, forms, and retries when the line is cut."""

import http.client
import urllib.parse
from dataclasses import dataclass, field
from typing import Self

from tests.support import pages
from tests.support.clinic import TYPED_DATE
from tests.support.pages import Form, Page

LINE_CUT = (OSError, http.client.HTTPException)


@dataclass
class Patient:
    """`get` and `submit` follow redirects; `path`, `status` and `page` are what the browser shows."""

    port: int
    timeout: float = 20
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""
    status: int = 0
    text: str = ""
    location: str | None = None
    _line: http.client.HTTPConnection | None = None

    @property
    def page(self) -> Page:
        return pages.read(self.text)

    def get(self, path: str) -> Self:
        self.send("GET", path, None)
        return self.follow()

    def post(self, path: str, fields: dict[str, str]) -> Self:
        self.send("POST", path, fields)
        return self.follow()

    def submit(self, form: Form | None = None, **typed: str) -> Self:
        form = form or self.page.form
        return self.post(form.action or self.path, {**form.fields, **typed})

    def follow(self) -> Self:
        while self.location is not None:
            self.send("GET", self.location, None)
        return self

    def send(self, method: str, path: str, fields: dict[str, str] | None) -> None:
        """One request without following. Raises one of LINE_CUT when there was no answer."""
        body = urllib.parse.urlencode(fields) if fields is not None else None
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self._line = self._line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self._line.request(method, path, body, headers)
            response = self._line.getresponse()
            self.text = response.read().decode()
        except LINE_CUT:
            self.hang_up()
            raise
        self._keep(response)
        self.status, self.path = response.status, path
        self.location = response.headers.get("Location") if response.status == 303 else None

    def __del__(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _keep(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or []:
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value

    def begin(self, link_token: str) -> Self:
        return self.get(f"/a/{link_token}").submit(**TYPED_DATE).submit()
