"""A tablet of the clinic without scripts, over Flask's test client, and the desk beside it."""

from datetime import timedelta

from flask import Flask

from prom_server.store.database import Database
from tests.cast import Cast
from tests.support import kiosk
from tests.support.browsing import Browser
from tests.support.clinic import TYPED_DATE
from tests.support.pages import Form

CREDENTIAL = "prom-kiosk"
CLEARED = '"cache", "storage"'
SECOND = timedelta(seconds=1)


def made(app: Flask, database: Database, team: Cast, name: str) -> Browser:
    """A browser that is a tablet of our clinic."""
    with database.writing() as session:
        credential = kiosk.tablet(session, team.ada, name)
    opened = Browser(app)
    opened.client.set_cookie(CREDENTIAL, credential)
    return opened


def form(page: Browser, part: str) -> Form:
    return next(each for each in page.page.forms if part in each.action)


def start_on(desk: Browser, words: str = "hand-over") -> Browser:
    desk.get("/today")
    return desk.submit(form(desk, words))


def begin(desk: Browser, tablet: Browser) -> Browser:
    start_on(desk)
    return tablet.get("/kiosk").submit(form(tablet.get("/kiosk"), "birth-date"), **TYPED_DATE)


def answer_everything(tablet: Browser, value: int = 0) -> Browser:
    while tablet.path != "/answer/thanks":
        answers = [each for each in tablet.page.forms if "stop" not in each.action and "preferences" not in each.action]
        tablet.submit(answers[0], value=str(value)) if answers else tablet.get(tablet.page.links[-1])
    return tablet


def stop(tablet: Browser) -> Browser:
    return tablet.get("/kiosk/stop").submit(form(tablet.get("/kiosk/stop"), "/kiosk/stop"))
