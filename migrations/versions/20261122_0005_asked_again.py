"""asked again: a score says which answers it counts, and each answer how it was given

A part that was sent can be taken up again, on another device or by telephone. Its scores stand until it is sent once
more: `score.sequence` says up to which answer they were computed. It stays empty for scores from before, whose parts
were never taken up again, as `response.mode` does for answers from before.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Nothing was answered after what its current scores count.
SENT_AS_BEFORE = (
    "UPDATE administration SET submitted_at = sent_before_at WHERE submitted_at IS NULL AND sent_before_at IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM response WHERE response.administration_id = administration.id AND "
    "response.sequence > (SELECT COALESCE(MAX(score.sequence), 0) FROM score WHERE score.administration_id = "
    "administration.id AND score.superseded_at IS NULL))"
)
# Every part of it is sent, in error or not: what was marked was answered once more.
COMPLETED = (
    "UPDATE assessment SET completed_at = (SELECT MAX(submitted_at) FROM administration WHERE assessment_id = "
    "assessment.id AND in_error_at IS NULL) WHERE completed_at IS NULL AND EXISTS (SELECT 1 FROM administration WHERE "
    "assessment_id = assessment.id AND submitted_at = sent_before_at AND in_error_at IS NULL) AND NOT EXISTS (SELECT 1 "
    "FROM administration AS part WHERE part.assessment_id = assessment.id AND NOT EXISTS (SELECT 1 FROM administration "
    "AS sent WHERE sent.assessment_id = part.assessment_id AND sent.position = part.position AND sent.submitted_at IS "
    "NOT NULL AND sent.in_error_at IS NULL))"
)


def upgrade() -> None:
    op.add_column("score", sa.Column("sequence", sa.Integer(), nullable=True))
    op.create_index("ix_administration_submitted", "administration", ["clinic_id", "submitted_at"])
    op.add_column("administration", sa.Column("sent_before_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("response", sa.Column("mode", sa.String(length=20), nullable=True))
    op.add_column("response", sa.Column("device_class", sa.String(length=20), nullable=True))
    _guard()


def _guard() -> None:
    """What a score counts is written once, as the rest of it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER score_sequence_once BEFORE UPDATE OF sequence ON score WHEN OLD.sequence IS NOT NULL "
            "AND NEW.sequence IS NOT OLD.sequence BEGIN SELECT RAISE(ABORT, 'score is append-only'); END"
        )
        return
    op.execute(
        "CREATE TRIGGER score_sequence_once BEFORE UPDATE ON score FOR EACH ROW WHEN (OLD.sequence IS NOT NULL "
        "AND NEW.sequence IS DISTINCT FROM OLD.sequence) EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """An older server scores a part when it is sent. One that was asked again and not sent since is sent again as it
    was, if nothing was answered since; else it has no score there.
    """
    op.execute(SENT_AS_BEFORE)
    op.execute(COMPLETED)
    op.execute(
        "UPDATE score SET superseded_at = (SELECT sent_before_at FROM administration WHERE administration.id = "
        "score.administration_id) WHERE superseded_at IS NULL AND administration_id IN (SELECT id FROM administration "
        "WHERE submitted_at IS NULL AND sent_before_at IS NOT NULL)"
    )
    op.execute("DROP TRIGGER score_sequence_once" + ("" if op.get_bind().dialect.name == "sqlite" else " ON score"))
    op.drop_column("response", "device_class")
    op.drop_column("response", "mode")
    op.drop_column("administration", "sent_before_at")
    op.drop_index("ix_administration_submitted", table_name="administration")
    op.drop_column("score", "sequence")
