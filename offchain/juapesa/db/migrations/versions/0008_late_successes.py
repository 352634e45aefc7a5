"""Legs that ended are asked about too while a late success may come; handles are found."""

from alembic import op

revision = "0008_late_successes"
down_revision = "0007_notifications"
branch_labels = None
depends_on = None

FORWARD = """
DROP INDEX payments.leg_to_do;
CREATE INDEX leg_to_do ON payments.leg (next_at) WHERE next_at IS NOT NULL;
-- Legs that ended before this rule kept their last time; nothing is to be asked of them.
UPDATE payments.leg SET next_at = NULL WHERE state IN ('done', 'failed');
-- A callback may name the operator's handle of an order; it must not be another order's.
CREATE INDEX leg_by_handle ON payments.leg (handle) WHERE handle IS NOT NULL;
"""

BACKWARD = """
DROP INDEX payments.leg_by_handle;
DROP INDEX payments.leg_to_do;
CREATE INDEX leg_to_do ON payments.leg (next_at) WHERE state IN ('due', 'asking', 'pending', 'unknown');
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute(BACKWARD)
