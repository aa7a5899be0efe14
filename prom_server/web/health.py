"""/healthz: whether the server and its database answer."""

from flask import Blueprint

from prom_server.services import accounts
from prom_server.transaction import reading

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def healthz() -> dict[str, str]:
    with reading() as database:
        accounts.ping(database)
    return {"status": "ok"}
