"""A browser without scripts in which somebody of the cast is signed in."""

from datetime import datetime

from flask import Flask

from prom_server.core.permissions import StaffMember
from prom_server.services import accounts
from prom_server.store.database import Database
from tests import cast as people
from tests.cast import PASSWORD
from tests.support.browsing import Browser
from tests.support.clinic import NOON


def signed_in(app: Flask, database: Database, who: StaffMember, *, at: datetime = NOON) -> Browser:
    with database.writing() as session:
        attempt = accounts.look_up(session, people.email_of(session, who), "198.51.100.1", at=at)
    verified = accounts.verify(attempt, PASSWORD)
    with database.writing() as session:
        token = accounts.record_sign_in(session, attempt, verified, at=at)
    opened = Browser(app)
    with opened.client.session_transaction() as held:
        held["staff"] = token
    return opened
