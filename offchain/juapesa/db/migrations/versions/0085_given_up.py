"""A leg knows when it was given up on: its late success is looked for from then on, not from its order on."""

from alembic import op

revision = "0085_given_up"
down_revision = "0084_sets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments.leg ADD COLUMN given_up_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE payments.leg DROP COLUMN given_up_at")
