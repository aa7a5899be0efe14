"""A browser without scripts, over Flask's test client: follows redirects, fills in forms as pages offer them."""

from pathlib import Path
from typing import Self

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from prom_server.app import create_app
from prom_server.settings import Settings
from prom_server.store.database import Database
from tests.support import pages
from tests.support.clinic import TYPED_DATE
from tests.support.pages import Form, Page

ENVIRONMENT = {"SECRET_KEY": "only-for-tests-" + "0" * 32}


def application(database: Database, folder: Path, **environment: str) -> Flask:
    settings = Settings.from_environment({**ENVIRONMENT, "DATA_DIRECTORY": str(folder), **environment})
    app = create_app(settings, database)
    app.testing = True
    return app


class Browser:
    """One person's browser: `page` is what it shows."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.response: TestResponse
        self.path = ""

    @property
    def page(self) -> Page:
        return pages.read(self.response.text)

    @property
    def status(self) -> int:
        return self.response.status_code

    def get(self, path: str) -> Self:
        return self._shown(self.client.get(path, follow_redirects=True))

    def post(self, path: str, data: dict[str, str], **more: object) -> Self:
        return self._shown(self.client.post(path, data=data, follow_redirects=True, **more))

    def submit(self, form: Form | None = None, **typed: str) -> Self:
        """Presses the form's button, with what is typed or chosen over what the page holds."""
        form = form or self.page.form
        return self.post(form.action or self.path, {**form.fields, **typed})

    def _shown(self, response: TestResponse) -> Self:
        self.response = response
        self.path = response.request.path
        return self

    # ---- a patient's visit

    def open_link(self, token: str) -> Self:
        return self.get(f"/a/{token}").submit(**TYPED_DATE)

    def begin(self, token: str) -> Self:
        return self.open_link(token).submit()

    def answer(self, value: int) -> Self:
        return self.submit(value=str(value))

    def answer_until_review(self, value: int) -> Self:
        while not self.path.endswith("/review"):
            if self.path.endswith("/help"):
                self.get(self.page.links[-1])
            else:
                self.answer(value)
        return self
