"""Decisions about stuck payments that take effect only when a second person says the same."""

from alembic import op

revision = "0066_second_word"
down_revision = "0065_stuck"
branch_labels = None
depends_on = None

FORWARD = """
-- False: it waits for a second person. All before took effect.
ALTER TABLE payments.release ADD COLUMN acted boolean NOT NULL DEFAULT true;
ALTER TABLE payments.release ALTER COLUMN acted DROP DEFAULT;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute("ALTER TABLE payments.release DROP COLUMN acted")
