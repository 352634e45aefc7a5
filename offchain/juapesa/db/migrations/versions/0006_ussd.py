"""Tables of the ussd context."""

from alembic import op

revision = "0006_ussd"
down_revision = "0005_payments"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA ussd;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA ussd CASCADE")
