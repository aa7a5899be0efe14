"""The patient's page: tablets and what is handed to them, preferences, who answered and how.

Revision: 0004
After: 0003
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("used_at IS NULL AND cancelled_at IS NULL")

# In place, each of them: SQLite cannot drop and copy a table that others refer to.
ADDED: dict[str, tuple[Callable[[], sa.Column], ...]] = {
    "administration": (
        lambda: sa.Column("device_class", sa.String(length=20), nullable=True),
        lambda: sa.Column("respondent", sa.String(length=20), server_default="patient", nullable=False),
        lambda: sa.Column("relation", sa.String(length=60), nullable=True),
        lambda: sa.Column("assisted_by", sa.String(length=60), nullable=True),
        lambda: sa.Column("written_on", sa.Date(), nullable=True),
        lambda: sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
    ),
    "assessment": (
        lambda: sa.Column("results_shared_at", sa.DateTime(timezone=True), nullable=True),
        lambda: sa.Column("results_seen", BIG_ID, nullable=True),
    ),
    "clinic": (
        lambda: sa.Column("kiosk_cover_after", sa.Integer(), server_default="90", nullable=False),
        lambda: sa.Column("kiosk_end_after", sa.Integer(), server_default="300", nullable=False),
        lambda: sa.Column("kiosk_thanks_for", sa.Integer(), server_default="10", nullable=False),
        lambda: sa.Column("patient_words", sa.JSON(), nullable=True),
        lambda: sa.Column("results_shown", sa.Boolean(), server_default=sa.false(), nullable=False),
    ),
    "patient": (
        lambda: sa.Column("language", sa.String(length=10), server_default="en", nullable=False),
        lambda: sa.Column("text_size", sa.String(length=10), server_default="normal", nullable=False),
        lambda: sa.Column("contrast", sa.String(length=10), server_default="auto", nullable=False),
        lambda: sa.Column("reminders_off_at", sa.DateTime(timezone=True), nullable=True),
    ),
    "response": (lambda: sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),),
}


def upgrade() -> None:
    _create_device()
    _create_handover()
    for table, columns in ADDED.items():
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            for column in columns:
                batch_op.add_column(column())
    big = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    key = "CONSTRAINT fk_administration_entered_by_staff REFERENCES staff (id)"
    op.execute(f"ALTER TABLE administration ADD COLUMN entered_by {big} {key}")
    with op.batch_alter_table("patient_session", schema=None) as batch_op:  # nothing refers to it
        batch_op.add_column(sa.Column("handover_id", BIG_ID, nullable=True))
        batch_op.alter_column("invitation_id", existing_type=BIG_ID, nullable=True)
        batch_op.create_foreign_key("fk_patient_session_handover_id_handover", "handover", ["handover_id"], ["id"])


def _create_device() -> None:
    op.create_table(
        "device",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("public_id", sa.String(length=20), nullable=False),
        sa.Column("clinic_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("set_up_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrong_codes", sa.Integer(), nullable=False),
        sa.Column("wrong_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_device_clinic_id_clinic")),
        sa.ForeignKeyConstraint(["created_by"], ["staff.id"], name=op.f("fk_device_created_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("public_id", name=op.f("uq_device_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_hash")),
    )
    op.create_index("ix_device_clinic_id", "device", ["clinic_id"])


def _create_handover() -> None:
    op.create_table(
        "handover",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("public_id", sa.String(length=20), nullable=False),
        sa.Column("clinic_id", BIG_ID, nullable=False),
        sa.Column("patient_id", BIG_ID, nullable=False),
        sa.Column("assessment_id", BIG_ID, nullable=False),
        sa.Column("device_id", BIG_ID, nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("created_by", BIG_ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessment.id"], name=op.f("fk_handover_assessment_id_assessment")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_handover_clinic_id_clinic")),
        sa.ForeignKeyConstraint(["created_by"], ["staff.id"], name=op.f("fk_handover_created_by_staff")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_handover_device_id_device")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_handover_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("public_id", name=op.f("uq_handover_public_id")),
    )
    op.create_index("ix_handover_assessment_id", "handover", ["assessment_id"])
    op.create_index("ix_handover_patient_id", "handover", ["patient_id"])
    for name, columns in (
        ("ix_handover_device", ["device_id", "created_at"]),
        ("ix_handover_waiting", ["clinic_id", "code_hash"]),
    ):
        op.create_index(name, "handover", columns, sqlite_where=WAITING, postgresql_where=WAITING)


def downgrade() -> None:
    """Every answer stays. What an older server does not know is lost: the tablets with their sessions; in which
    language and look a patient reads, and who wants no reminders; who answered, who helped, who entered it and the day
    on the paper; when an item was shown; what was shared with patients; the clinic's own words and times.

    A declined questionnaire stays sent and without a value; the older server calls it one with items missing.
    """
    _forget_declined()
    op.execute("DELETE FROM patient_session WHERE invitation_id IS NULL")
    with op.batch_alter_table("patient_session", schema=None) as batch_op:
        batch_op.drop_constraint("fk_patient_session_handover_id_handover", type_="foreignkey")
        batch_op.alter_column("invitation_id", existing_type=BIG_ID, nullable=False)
        batch_op.drop_column("handover_id")
    op.execute("ALTER TABLE administration DROP COLUMN entered_by")
    for table, columns in reversed(ADDED.items()):
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            for column in reversed(columns):
                batch_op.drop_column(column().name)
    op.drop_table("handover")
    op.drop_table("device")


def _forget_declined() -> None:
    """An older server cannot read this reason. What guards the scores is set aside for it and put back."""
    forget = "UPDATE score SET reason = 'items-missing' WHERE reason = 'declined'"
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE score DISABLE TRIGGER USER")
        op.execute(forget)
        op.execute("ALTER TABLE score ENABLE TRIGGER USER")
        return
    guard = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'score_refuses_update'")
    again = op.get_bind().scalar(guard)
    op.execute("DROP TRIGGER score_refuses_update")
    op.execute(forget)
    op.execute(again)
