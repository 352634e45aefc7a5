"""Workers are known by number, so that what a dead one has claimed is free again at once."""

from alembic import op

revision = "0074_workers"
down_revision = "0073_leases"
branch_labels = None
depends_on = None

FORWARD = """
CREATE SCHEMA worker;

-- Who claims work. A worker lives as long as a session of its own holds the advisory lock (7891, number);
-- gone_at: when somebody first found that lock free.
CREATE SEQUENCE worker.number AS int CYCLE;
CREATE TABLE worker.worker (
    number  int PRIMARY KEY,
    name    text NOT NULL,
    since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    gone_at timestamptz
);

ALTER TABLE payments.leg ADD COLUMN lease_by int;
ALTER TABLE rails.callback ADD COLUMN claimed_by int;
ALTER TABLE notifications.message ADD COLUMN claimed_by int;
"""

BACKWARD = """
ALTER TABLE notifications.message DROP COLUMN claimed_by;
ALTER TABLE rails.callback DROP COLUMN claimed_by;
ALTER TABLE payments.leg DROP COLUMN lease_by;
DROP SCHEMA worker CASCADE;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute(BACKWARD)
