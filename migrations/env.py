"""Runs migrations on the connection that prom_server.store.database hands over, or on DATABASE_URL."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from prom_server.store import (  # noqa: F401
    alerts,
    assessments,
    audit,
    care,
    clinics,
    contact,
    courses,
    definitions,
    imports,
    invitations,
    kiosks,
    outbox,
    patients,
    staff,
)
from prom_server.store.base import Base, Exact, Instant

# Migrations stand alone: they name plain types, so that a later change of ours cannot change the past.
PLAIN = {Instant: "sa.DateTime(timezone=True)", Exact: "sa.Float(53)"}


def plain_type(kind: str, item: Any, _context: Any) -> str | bool:
    return PLAIN.get(type(item), False) if kind == "type" else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=plain_type,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run(connection)
        return
    from prom_server.settings import Settings
    from prom_server.store.database import Database

    database = Database(Settings.from_environment().database_url)
    database.make_file()
    with database.writer.connect() as own:
        run(own)
        own.commit()


main()
