"""The least that stores an answer: Flask, one route, one row, one commit. On the same server, threads and settings of
the database as prom-server. Run as a program by the bench of the answers.
"""

import os

from flask import Flask, request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table

from prom_server import clock
from prom_server.store.database import Database

ANSWERS = Table(
    "reference",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("item", String(40)),
    Column("value", Integer),
    Column("at", DateTime(timezone=True)),
)


def application() -> Flask:
    app, engine = Flask(__name__), Database(os.environ["DATABASE_URL"]).writer

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    @app.post("/")
    def answer() -> dict[str, str]:
        row = {"item": request.form["item"], "value": int(request.form["value"]), "at": clock.now()}
        with engine.begin() as connection:
            connection.execute(ANSWERS.insert(), row)
        return {"next": "/"}

    return app


def main() -> None:
    database = Database(os.environ["DATABASE_URL"])
    database.make_file()
    ANSWERS.metadata.create_all(database.writer)
    database.dispose()
    Server(
        "tests.bench._reference:application",
        address=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=16,
        factory=True,
        log_level=LogLevels.error,
        log_access=False,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
