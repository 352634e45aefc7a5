"""Tables of the notifications context."""

from alembic import op

revision = "0007_notifications"
down_revision = "0006_ussd"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA notifications;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA notifications CASCADE")
