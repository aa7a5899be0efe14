"""Definitions are archived, and scores keep what they were computed under; one may supersede another.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CURRENT = sa.text("superseded_at IS NULL")
FIXED = (  # every column of a score but superseded_at
    "id, administration_id, scale, metric, status, raw, value, se, answered, items, band, reason, "
    "instrument_revision, content_hash, supplement_hash, computed_at"
)

# What a re-scoring added: an older server knows only what was computed at submission.
ADDED_LATER = (
    "DELETE FROM score WHERE EXISTS (SELECT 1 FROM score AS older WHERE older.administration_id = "
    "score.administration_id AND older.id < score.id AND older.superseded_at <= score.computed_at)"
)


def upgrade() -> None:
    op.create_table(
        "definition",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("supplement_hash", sa.String(length=64), nullable=False),
        sa.Column("instrument_id", sa.String(length=60), nullable=False),
        sa.Column("instrument_revision", sa.Integer(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition")),
        sa.UniqueConstraint("content_hash", "supplement_hash", name=op.f("uq_definition_content_hash_supplement_hash")),
    )
    with op.batch_alter_table("administration", schema=None) as batch_op:
        batch_op.add_column(sa.Column("supplement_hash", sa.String(length=64), nullable=True))
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.add_column(sa.Column("instrument_revision", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("content_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("supplement_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("computed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint("uq_score_administration_id_scale", type_="unique")
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.create_index(
            "uq_score_administration_id_scale",
            ["administration_id", "scale"],
            unique=True,
            sqlite_where=CURRENT,
            postgresql_where=CURRENT,
        )
        batch_op.create_index("ix_score_administration_id", ["administration_id"], unique=False)
    op.execute(
        "UPDATE score SET (instrument_revision, content_hash, computed_at) = (SELECT instrument_revision, "
        "content_hash, submitted_at FROM administration WHERE administration.id = score.administration_id)"
    )
    _guard()


def downgrade() -> None:
    """Keeps the scores of the submission, and loses what superseded them."""
    _unguard()
    op.execute(ADDED_LATER)
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.drop_index("ix_score_administration_id")
        batch_op.drop_index("uq_score_administration_id_scale")
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_score_administration_id_scale", ["administration_id", "scale"])
        for column in ("superseded_at", "computed_at", "supplement_hash", "content_hash", "instrument_revision"):
            batch_op.drop_column(column)
    # In place: SQLite cannot drop and copy a table that others refer to.
    with op.batch_alter_table("administration", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("supplement_hash")
    op.drop_table("definition")


def _guard() -> None:
    """`definition` refuses every change; of a score only `superseded_at` may change, and only once."""
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite("definition_refuses_update", "UPDATE ON definition")
        _refuse_on_sqlite("definition_refuses_delete", "DELETE ON definition")
        _refuse_on_sqlite("score_refuses_update", f"UPDATE OF {FIXED} ON score")
        _refuse_on_sqlite("score_refuses_delete", "DELETE ON score")
        _refuse_on_sqlite(
            "score_superseded_once", "UPDATE OF superseded_at ON score WHEN OLD.superseded_at IS NOT NULL"
        )
        return
    _refuse_on_postgresql("definition_append_only", "UPDATE OR DELETE OR TRUNCATE ON definition FOR EACH STATEMENT")
    _refuse_on_postgresql("score_append_only", f"UPDATE OF {FIXED} OR DELETE OR TRUNCATE ON score FOR EACH STATEMENT")
    _refuse_on_postgresql("score_superseded_once", "UPDATE ON score FOR EACH ROW WHEN (OLD.superseded_at IS NOT NULL)")


def _refuse_on_sqlite(name: str, act: str) -> None:
    table = act.split(" ON ")[1].split()[0]
    op.execute(f"CREATE TRIGGER {name} BEFORE {act} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")


def _refuse_on_postgresql(name: str, act: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {act} EXECUTE FUNCTION refuse_change()")


def _unguard() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in (
            "score_superseded_once",
            "score_refuses_delete",
            "score_refuses_update",
            "definition_refuses_delete",
            "definition_refuses_update",
        ):
            op.execute(f"DROP TRIGGER {name}")
        return
    op.execute("DROP TRIGGER score_superseded_once ON score")
    op.execute("DROP TRIGGER score_append_only ON score")
    op.execute("DROP TRIGGER definition_append_only ON definition")
