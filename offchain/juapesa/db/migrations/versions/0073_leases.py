"""A lease has a number, so that what a worker says after its lease has gone to another is known for late."""

from alembic import op

revision = "0073_leases"
down_revision = "0071_position"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments.leg ADD COLUMN leases int NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE payments.leg DROP COLUMN leases")
