"""The clinic's day: infusion days and care, contact, messages and reminders, settings, imports and merges.

Revision: 0006
After: 0005
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
WAITING = "completed_at IS NULL AND cancelled_at IS NULL"
ESCALATING = "escalates_at IS NOT NULL AND acknowledged_at IS NULL AND resolved_at IS NULL"


def _column(name: str, kind: Any, *, null: bool = False, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, server_default=default)


def _reference(table: str, name: str, to: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, BIG_ID, sa.ForeignKey(f"{to}.id", name=f"fk_{table}_{name}_{to}"), nullable=null)


# In place, each of them: SQLite cannot drop and copy a table that others refer to.
ADDED: dict[str, tuple[Callable[[], sa.Column[Any]], ...]] = {
    "alert": (
        lambda: _column("scale_id", sa.String(40), null=True),
        lambda: _column("score", sa.Float(53), null=True),
        lambda: _column("compared_with", sa.Float(53), null=True),
        lambda: _column("escalates_at", INSTANT, null=True),
        lambda: _column("escalations", sa.Integer(), default="0"),
    ),
    "alert_step": (lambda: _column("score", sa.Float(53), null=True),),
    "assessment": (
        lambda: _column("remind_on", sa.Date(), null=True),
        lambda: _column("declined_at", INSTANT, null=True),
        lambda: _column("declined_reason", sa.String(300), null=True),
        lambda: _column("call_back_at", INSTANT, null=True),
        lambda: _column("reopened_at", INSTANT, null=True),
        lambda: _column("reopened_reason", sa.String(300), null=True),
        lambda: sa.Column("own_days", sa.Boolean(), server_default=sa.false(), nullable=False),
    ),
    "clinic": (
        lambda: _column("alert_kiosk_minutes", sa.Integer(), default="15"),
        lambda: _column("alert_home_minutes", sa.Integer(), default="60"),
        lambda: _column("closed_hours", sa.String(20), null=True),
        lambda: _column("closed_hours_person", sa.String(120), null=True),
        lambda: _column("closed_hours_at", INSTANT, null=True),
        lambda: _column("sender_name", sa.String(60), null=True),
        lambda: _column("reply_to", sa.String(254), null=True),
        lambda: _column("reminders_at", sa.String(5), default="09:00"),
        lambda: _column("quiet_from", sa.String(5), default="20:00"),
        lambda: _column("quiet_to", sa.String(5), default="08:00"),
        lambda: _column("protocols", sa.JSON(), null=True),
        lambda: _column("live_at", INSTANT, null=True),
        lambda: _column("live_by", BIG_ID, null=True),
    ),
    "infusion": (
        lambda: _column("given_on", sa.Date(), null=True),
        lambda: _column("minutes", sa.Integer(), null=True),
        lambda: _column("weight_kg", sa.Float(53), null=True),
        lambda: _column("mg_per_kg", sa.Float(53), null=True),
        lambda: _column("ondansetron", sa.Boolean(), null=True),
        lambda: _column("note", sa.Text(), null=True),
    ),
    "invitation": (
        lambda: _column("message_id", BIG_ID, null=True),
        lambda: _column("opened_at", INSTANT, null=True),
    ),
    "patient": (
        lambda: _column("best_time", sa.String(60), null=True),
        lambda: _column("may_leave_message", sa.Boolean(), null=True),
        lambda: _column("withdrawn_at", INSTANT, null=True),
        lambda: _column("withdrawn_reason", sa.String(300), null=True),
        lambda: _column("deceased_on", sa.Date(), null=True),
    ),
    "staff": (
        lambda: _column("mobile", sa.String(40), null=True),
        lambda: _column("alerts_by", sa.String(10), null=True),
    ),
}
REFERENCES = (("alert", "owner_id", "staff"), ("patient", "merged_into_id", "patient"))
CREATED = (  # in the order in which they can be dropped
    "merge_row",
    "merge",
    "import_row",
    "import_batch",
    "satisfaction",
    "reminder",
    "message",
    "ringing",
    "call",
    "channel",
    "expected",
    "course_note",
    "other_care",
    "attendance",
    "opioid_dose",
    "adverse_event",
    "side_effect",
    "vital_sign",
    "infusion_day",
    "demo_clock",
    "task_run",
    "message_template",
    "on_call",
    "closed_day",
    "opening",
)


def upgrade() -> None:
    _create_settings()
    _create_care()
    _create_contact()
    _create_records()
    for table, columns in ADDED.items():
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            for column in columns:
                batch_op.add_column(column())
    big = "INTEGER" if _on_sqlite() else "BIGINT"
    for table, column, to in REFERENCES:
        key = f"CONSTRAINT fk_{table}_{column}_{to} REFERENCES {to} (id)"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {big} {key}")
    _index("ix_alert_escalating", "alert", ["clinic_id", "escalates_at"], where=ESCALATING)
    _index("ix_alert_raised", "alert", ["clinic_id", "raised_at"])
    _index("ix_alert_resolved", "alert", ["clinic_id", "resolved_at", "id"], where="resolved_at IS NOT NULL")
    call_back = "call_back_at IS NOT NULL AND " + WAITING
    _index("ix_assessment_call_back", "assessment", ["clinic_id", "call_back_at"], where=call_back)
    _index("ix_assessment_closing", "assessment", ["clinic_id", "time_point", "closes_on", "id"], where=WAITING)
    remind = "remind_on IS NOT NULL AND " + WAITING
    _index("ix_assessment_remind_on", "assessment", ["clinic_id", "remind_on"], where=remind)
    own_days = ("own_days = 1 AND " if _on_sqlite() else "own_days AND ") + WAITING
    _index("ix_assessment_own_days", "assessment", ["clinic_id", "closes_on", "id"], where=own_days)
    op.drop_index("ix_assessment_waiting", "assessment")
    by_protocol = ["clinic_id", "protocol_id", "protocol_revision", "starts_on"]
    _index("ix_course_unfinished_by_protocol", "course", by_protocol, where="finished_at IS NULL")
    ready = "used_at IS NULL AND cancelled_at IS NULL"
    _index("ix_handover_ready", "handover", ["clinic_id", "expires_at"], where=ready)
    _index("ix_invitation_out", "invitation", ["clinic_id", "created_at"], where="superseded_at IS NULL")
    stopped = "withdrawn_at IS NOT NULL OR deceased_on IS NOT NULL"
    _index("ix_patient_stopped", "patient", ["clinic_id", "sort_name", "id"], where=stopped)
    _invitation_created_by(nullable=True)
    # What waits asks for its reminders from the day it opens; what is late by then is caught up in one message.
    op.execute("UPDATE assessment SET remind_on = opens_on WHERE cancelled_at IS NULL")
    # What nobody acknowledged escalates as soon as the jobs run.
    op.execute(
        "UPDATE alert SET escalates_at = raised_at"
        " WHERE level = 'alert' AND acknowledged_at IS NULL AND resolved_at IS NULL"
    )


def downgrade() -> None:
    """What an older server does not know is lost: everything in the tables of this revision, and these columns.

    Links that a reminder carried are closed: an older server expects to know who made a link.
    """
    op.execute(
        "DELETE FROM patient_session WHERE invitation_id IN (SELECT id FROM invitation WHERE created_by IS NULL)"
    )
    op.execute("DELETE FROM invitation WHERE created_by IS NULL")
    _invitation_created_by(nullable=False)
    for index, table in (
        ("ix_invitation_out", "invitation"),
        ("ix_handover_ready", "handover"),
        ("ix_course_unfinished_by_protocol", "course"),
        ("ix_assessment_own_days", "assessment"),
        ("ix_patient_stopped", "patient"),
        ("ix_assessment_remind_on", "assessment"),
        ("ix_assessment_closing", "assessment"),
        ("ix_assessment_call_back", "assessment"),
        ("ix_alert_resolved", "alert"),
        ("ix_alert_raised", "alert"),
        ("ix_alert_escalating", "alert"),
    ):
        op.drop_index(index, table)
    _index("ix_assessment_waiting", "assessment", ["clinic_id", "opens_on", "closes_on"], where=WAITING)
    for table, column, _to in REFERENCES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table, columns in reversed(ADDED.items()):
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            for column in reversed(columns):
                batch_op.drop_column(column().name)
    for table in CREATED:
        op.drop_table(table)


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _invitation_created_by(*, nullable: bool) -> None:
    """SQLite changes NOT NULL only in the schema's own text, as its documentation of ALTER TABLE says (section 7)."""
    if not _on_sqlite():
        op.alter_column("invitation", "created_by", existing_type=sa.BigInteger(), nullable=nullable)
        return
    connection = op.get_bind()
    was, becomes = ("created_by INTEGER NOT NULL", "created_by INTEGER")
    if not nullable:
        was, becomes = becomes, was
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'invitation'", (was, becomes)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _create(table: str, *parts: Any) -> None:
    """With a counter as its key, unless the parts name one."""
    named = any(isinstance(each, sa.PrimaryKeyConstraint) for each in parts)
    counter = () if named else (_column("id", BIG_ID), sa.PrimaryKeyConstraint("id", name=f"pk_{table}"))
    op.create_table(table, *counter, *parts)


def _index(name: str, table: str, columns: Sequence[str], *, unique: bool = False, where: str | None = None) -> None:
    only = sa.text(where) if where else None
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=only, postgresql_where=only)


def _create_settings() -> None:
    _create(
        "opening",
        _reference("opening", "clinic_id", "clinic"),
        _column("weekday", sa.Integer()),
        _column("opens", sa.String(5)),
        _column("closes", sa.String(5)),
        sa.UniqueConstraint("clinic_id", "weekday", "opens", name="uq_opening_clinic_id_weekday_opens"),
    )
    _create(
        "closed_day",
        _reference("closed_day", "clinic_id", "clinic"),
        _column("on", sa.Date()),
        _column("name", sa.String(80)),
        sa.UniqueConstraint("clinic_id", "on", name="uq_closed_day_clinic_id_on"),
    )
    _create(
        "on_call",
        _column("public_id", sa.String(20)),
        _reference("on_call", "clinic_id", "clinic"),
        _reference("on_call", "staff_id", "staff"),
        _column("begins_at", INSTANT),
        _column("until", INSTANT),
        _column("cancelled_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_on_call_public_id"),
    )
    _index("ix_on_call_clinic_id_until", "on_call", ["clinic_id", "until"])
    _create(
        "message_template",
        _reference("message_template", "clinic_id", "clinic"),
        _column("purpose", sa.String(20)),
        _column("channel", sa.String(10)),
        _column("language", sa.String(10)),
        _column("subject", sa.String(120), null=True),
        _column("body", sa.Text(), null=True),
        _reference("message_template", "changed_by", "staff"),
        _column("changed_at", INSTANT),
    )
    _index("ix_message_template_kind", "message_template", ["clinic_id", "purpose", "channel", "language", "id"])
    _create(
        "task_run",
        _column("name", sa.String(40)),
        sa.PrimaryKeyConstraint("name", name="pk_task_run"),
        _column("began_at", INSTANT),
        _column("finished_at", INSTANT, null=True),
        _column("error", sa.String(200), null=True),
    )
    _create(
        "demo_clock",
        _column("ahead_seconds", sa.Integer()),
    )


def _create_care() -> None:
    _create(
        "infusion_day",
        _column("public_id", sa.String(20)),
        _reference("infusion_day", "clinic_id", "clinic"),
        _reference("infusion_day", "patient_id", "patient"),
        _reference("infusion_day", "course_id", "course"),
        _column("planned_on", sa.Date()),
        _reference("infusion_day", "infusion_id", "infusion", null=True),
        _column("missed_at", INSTANT, null=True),
        _column("missed_reason", sa.String(30), null=True),
        _column("missed_note", sa.String(300), null=True),
        _column("cancelled_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_infusion_day_public_id"),
    )
    _index("ix_infusion_day_clinic_id_planned_on", "infusion_day", ["clinic_id", "planned_on"])
    _index("ix_infusion_day_infusion_id", "infusion_day", ["infusion_id"])
    _index("ix_infusion_day_patient_id", "infusion_day", ["patient_id"])
    _index(
        "uq_infusion_day_course_id_planned_on",
        "infusion_day",
        ["course_id", "planned_on"],
        unique=True,
        where="cancelled_at IS NULL",
    )
    _create(
        "vital_sign",
        _column("public_id", sa.String(20)),
        _reference("vital_sign", "infusion_id", "infusion"),
        _column("kind", sa.String(20)),
        _column("value", sa.Float(53)),
        _column("unit", sa.String(12)),
        _column("measured_at", INSTANT),
        _reference("vital_sign", "recorded_by", "staff"),
        _column("in_error_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_vital_sign_public_id"),
    )
    _index("ix_vital_sign_infusion_id", "vital_sign", ["infusion_id"])
    _create(
        "side_effect",
        _reference("side_effect", "infusion_id", "infusion"),
        _column("kind", sa.String(30)),
        _column("present", sa.Boolean()),
        _column("note", sa.String(300), null=True),
        _reference("side_effect", "asked_by", "staff"),
        _column("asked_at", INSTANT),
        sa.UniqueConstraint("infusion_id", "kind", name="uq_side_effect_infusion_id_kind"),
    )
    _create(
        "adverse_event",
        _column("public_id", sa.String(20)),
        _reference("adverse_event", "clinic_id", "clinic"),
        _reference("adverse_event", "course_id", "course"),
        _reference("adverse_event", "infusion_id", "infusion", null=True),
        _column("kind", sa.String(30)),
        _column("action", sa.String(30)),
        _column("outcome", sa.String(30)),
        _column("note", sa.Text(), null=True),
        _column("happened_at", INSTANT),
        _column("resolved_at", INSTANT, null=True),
        _reference("adverse_event", "recorded_by", "staff"),
        _column("recorded_at", INSTANT),
        _column("in_error_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_adverse_event_public_id"),
    )
    _index("ix_adverse_event_course_id", "adverse_event", ["course_id"])
    _create(
        "opioid_dose",
        _column("public_id", sa.String(20)),
        _reference("opioid_dose", "clinic_id", "clinic"),
        _reference("opioid_dose", "patient_id", "patient"),
        _column("taken_from", sa.Date()),
        _column("drug", sa.String(40)),
        _column("daily_amount", sa.Float(53)),
        _column("unit", sa.String(12)),
        _column("factor", sa.Float(53)),
        _column("mme", sa.Float(53)),
        _column("factors_version", sa.String(40)),
        _reference("opioid_dose", "recorded_by", "staff"),
        _column("recorded_at", INSTANT),
        _column("in_error_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_opioid_dose_public_id"),
    )
    _index("ix_opioid_dose_patient_id_taken_from", "opioid_dose", ["patient_id", "taken_from"])
    _create(
        "attendance",
        _column("public_id", sa.String(20)),
        _reference("attendance", "course_id", "course"),
        _column("on", sa.Date()),
        _column("kind", sa.String(20)),
        _column("attended", sa.Boolean()),
        _reference("attendance", "recorded_by", "staff"),
        _column("recorded_at", INSTANT),
        _column("in_error_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_attendance_public_id"),
    )
    _index("ix_attendance_course_id", "attendance", ["course_id"])
    _create(
        "other_care",
        _reference("other_care", "course_id", "course"),
        _column("asked_on", sa.Date()),
        _column("kind", sa.String(30)),
        _column("received", sa.Boolean()),
        _column("note", sa.String(300), null=True),
        _reference("other_care", "asked_by", "staff"),
        _column("asked_at", INSTANT),
        sa.UniqueConstraint("course_id", "asked_on", "kind", name="uq_other_care_course_id_asked_on_kind"),
    )
    _create(
        "course_note",
        _column("public_id", sa.String(20)),
        _reference("course_note", "course_id", "course"),
        _column("text", sa.Text()),
        _reference("course_note", "written_by", "staff"),
        _column("written_at", INSTANT),
        _column("in_error_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_course_note_public_id"),
    )
    _index("ix_course_note_course_id", "course_note", ["course_id"])
    _create(
        "expected",
        _column("public_id", sa.String(20)),
        _reference("expected", "clinic_id", "clinic"),
        _reference("expected", "patient_id", "patient"),
        _column("on", sa.Date()),
        _column("time", sa.String(5), null=True),
        _column("reason", sa.String(80), null=True),
        _column("checked_in_at", INSTANT, null=True),
        _reference("expected", "checked_in_by", "staff", null=True),
        _column("cancelled_at", INSTANT, null=True),
        sa.UniqueConstraint("clinic_id", "on", "patient_id", name="uq_expected_clinic_id_on_patient_id"),
        sa.UniqueConstraint("public_id", name="uq_expected_public_id"),
    )
    _index("ix_expected_patient_id", "expected", ["patient_id"])


def _create_contact() -> None:
    _create(
        "channel",
        _column("public_id", sa.String(20)),
        _reference("channel", "clinic_id", "clinic"),
        _reference("channel", "patient_id", "patient"),
        _column("kind", sa.String(10)),
        _column("address", sa.String(254)),
        _column("consented_at", INSTANT, null=True),
        _reference("channel", "consented_by", "staff", null=True),
        _column("stopped_at", INSTANT, null=True),
        _column("undeliverable_at", INSTANT, null=True),
        _column("undeliverable_reason", sa.String(80), null=True),
        _column("created_at", INSTANT),
        _column("withdrawn_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_channel_public_id"),
    )
    _index("ix_channel_address", "channel", ["kind", "address"])
    _index("ix_channel_patient_id", "channel", ["patient_id"])
    undeliverable = "undeliverable_at IS NOT NULL AND withdrawn_at IS NULL"
    _index("ix_channel_undeliverable", "channel", ["clinic_id", "patient_id"], where=undeliverable)
    _index("uq_channel_patient_id_kind", "channel", ["patient_id", "kind"], unique=True, where="withdrawn_at IS NULL")
    _create(
        "call",
        _column("public_id", sa.String(20)),
        _reference("call", "clinic_id", "clinic"),
        _reference("call", "patient_id", "patient"),
        _reference("call", "assessment_id", "assessment"),
        _reference("call", "called_by", "staff"),
        _column("called_at", INSTANT),
        _column("outcome", sa.String(20)),
        _column("note", sa.Text(), null=True),
        _column("again_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_call_public_id"),
    )
    _index("ix_call_assessment_id", "call", ["assessment_id"])
    _index("ix_call_clinic_id_called_at", "call", ["clinic_id", "called_at"])
    _index("ix_call_patient_id", "call", ["patient_id"])
    _create(
        "ringing",
        _reference("ringing", "clinic_id", "clinic"),
        _reference("ringing", "staff_id", "staff"),
        _reference("ringing", "patient_id", "patient"),
        _reference("ringing", "assessment_id", "assessment"),
        _column("since", INSTANT),
        sa.UniqueConstraint("staff_id", name="uq_ringing_staff_id"),
        sa.UniqueConstraint("patient_id", name="uq_ringing_patient_id"),
    )
    _create(
        "message",
        _column("public_id", sa.String(20)),
        _reference("message", "clinic_id", "clinic"),
        _reference("message", "patient_id", "patient", null=True),
        _reference("message", "staff_id", "staff", null=True),
        _reference("message", "alert_id", "alert", null=True),
        _reference("message", "assessment_id", "assessment", null=True),
        _column("key", sa.String(120)),
        _column("purpose", sa.String(20)),
        _column("channel", sa.String(10)),
        _column("address", sa.String(254)),
        _column("language", sa.String(10)),
        _column("created_at", INSTANT),
        _column("next_try_at", INSTANT),
        _column("tries", sa.Integer()),
        _column("leased_by", sa.String(60), null=True),
        _column("leased_until", INSTANT, null=True),
        _column("sending_at", INSTANT, null=True),
        _column("sent_at", INSTANT, null=True),
        _column("refused_at", INSTANT, null=True),
        _column("unclear_at", INSTANT, null=True),
        _column("logged_at", INSTANT, null=True),
        _column("cancelled_at", INSTANT, null=True),
        _column("reason", sa.String(120), null=True),
        _column("provider_id", sa.String(120), null=True),
        _column("settled_at", INSTANT, null=True),
        _reference("message", "settled_by", "staff", null=True),
        _column("settled_as", sa.String(10), null=True),
        _column("subject", sa.String(200), null=True),
        _column("body", sa.Text(), null=True),
        sa.UniqueConstraint("key", name="uq_message_key"),
        sa.UniqueConstraint("public_id", name="uq_message_public_id"),
    )
    _index("ix_message_alert_id", "message", ["alert_id"])
    _index("ix_message_assessment_id", "message", ["assessment_id"])
    _index("ix_message_clinic_id_created_at", "message", ["clinic_id", "created_at"])
    _index("ix_message_patient_id", "message", ["patient_id"])
    _index("ix_message_provider_id", "message", ["provider_id"])
    _index(
        "ix_message_pending",
        "message",
        ["purpose", "next_try_at", "id"],
        where="sent_at IS NULL AND refused_at IS NULL AND unclear_at IS NULL AND logged_at IS NULL"
        " AND cancelled_at IS NULL",
    )
    _index(
        "ix_message_trouble",
        "message",
        ["clinic_id", "id"],
        where="settled_at IS NULL AND (refused_at IS NOT NULL OR unclear_at IS NOT NULL)",
    )
    _create(
        "reminder",
        _reference("reminder", "assessment_id", "assessment"),
        _column("kind", sa.String(10)),
        _column("nth", sa.Integer()),
        _reference("reminder", "message_id", "message", null=True),
        _column("passed_over", sa.String(30), null=True),
        _column("at", INSTANT),
        sa.UniqueConstraint("assessment_id", "kind", "nth", name="uq_reminder_assessment_id_kind_nth"),
    )
    _index("ix_reminder_message_id", "reminder", ["message_id"])


def _create_records() -> None:
    _create(
        "satisfaction",
        _reference("satisfaction", "assessment_id", "assessment"),
        _reference("satisfaction", "administration_id", "administration"),
        _column("linked_at", INSTANT),
        _reference("satisfaction", "linked_by", "staff", null=True),
        _column("undone_at", INSTANT, null=True),
        sa.UniqueConstraint(
            "assessment_id", "administration_id", name="uq_satisfaction_assessment_id_administration_id"
        ),
    )
    _index("ix_satisfaction_administration_id", "satisfaction", ["administration_id"])
    _create(
        "import_batch",
        _column("public_id", sa.String(20)),
        _reference("import_batch", "clinic_id", "clinic"),
        _column("kind", sa.String(20)),
        _reference("import_batch", "staff_id", "staff"),
        _column("created_at", INSTANT),
        _column("applied_at", INSTANT, null=True),
        _column("discarded_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_import_batch_public_id"),
    )
    _index("ix_import_batch_clinic_id", "import_batch", ["clinic_id"])
    _create(
        "import_row",
        _reference("import_row", "batch_id", "import_batch"),
        _column("line", sa.Integer()),
        _column("columns", sa.JSON()),
        _column("error", sa.String(60), null=True),
        _reference("import_row", "duplicate_of", "patient", null=True),
        _column("decision", sa.String(10), null=True),
        sa.UniqueConstraint("batch_id", "line", name="uq_import_row_batch_id_line"),
    )
    _create(
        "merge",
        _column("public_id", sa.String(20)),
        _reference("merge", "clinic_id", "clinic"),
        _reference("merge", "kept_id", "patient"),
        _reference("merge", "gone_id", "patient"),
        _reference("merge", "merged_by", "staff"),
        _column("merged_at", INSTANT),
        _reference("merge", "undone_by", "staff", null=True),
        _column("undone_at", INSTANT, null=True),
        sa.UniqueConstraint("public_id", name="uq_merge_public_id"),
    )
    _index("ix_merge_gone_id", "merge", ["gone_id"])
    _index("ix_merge_kept_id", "merge", ["kept_id"])
    _create(
        "merge_row",
        _reference("merge_row", "merge_id", "merge"),
        _column("table_name", sa.String(40)),
        _column("row_id", BIG_ID),
        _column("column_name", sa.String(40)),
        _column("before", sa.String(300), null=True),
        _column("after", sa.String(300), null=True),
    )
    _index("ix_merge_row_merge_id", "merge_row", ["merge_id"])
