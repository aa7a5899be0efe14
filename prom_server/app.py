"""Wires settings, database, definitions and pages into one WSGI application."""

from flask import Flask

from prom_server import demo_clock, transaction, web
from prom_server.definitions.library import Library
from prom_server.messages import live
from prom_server.services import catalogue
from prom_server.settings import Settings
from prom_server.store.database import Database


def create_app(settings: Settings, database: Database | None = None) -> Flask:
    """The application for these settings. The database must already be migrated."""
    transaction.bind(database or Database(settings.database_url))
    library = Library.shipped(settings.supplements)
    library.check()  # a wrong file is refused now, not at the first patient
    catalogue.bind(library)
    live.bind(settings.messages, settings.public_url)
    demo_clock.begin()
    return web.build(settings)
