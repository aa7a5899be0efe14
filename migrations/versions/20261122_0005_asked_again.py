"""asked again: a score says which answers it counts, and what was sent today is found

A part that was sent can be taken up again. Its first scores stay, superseded: `sequence` says up to which answer they
were computed. It stays empty for scores from before, whose parts were never taken up again.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("score", sa.Column("sequence", sa.Integer(), nullable=True))
    op.create_index("ix_administration_submitted", "administration", ["clinic_id", "submitted_at"])


def downgrade() -> None:
    op.drop_index("ix_administration_submitted", table_name="administration")
    op.drop_column("score", "sequence")
