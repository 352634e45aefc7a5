"""Who decided about a stuck payment: whether a token of their own proved it, and at which machine's user."""

from alembic import op

revision = "0082_deciders"
down_revision = "0074_workers"
branch_labels = None
depends_on = None

FORWARD = """
-- proven: by is the name of the operator's client, whose token was shown; else it is the machine's user.
-- Names before this were what those who called said they were.
ALTER TABLE payments.release
    ADD COLUMN proven boolean NOT NULL DEFAULT false,
    ADD COLUMN machine_user text NOT NULL DEFAULT 'not recorded'
        CHECK (length(machine_user) BETWEEN 1 AND 80);
ALTER TABLE payments.release ALTER COLUMN proven DROP DEFAULT, ALTER COLUMN machine_user DROP DEFAULT;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute("ALTER TABLE payments.release DROP COLUMN proven, DROP COLUMN machine_user")
