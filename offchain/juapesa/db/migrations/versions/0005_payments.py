"""Tables of the payments context."""

from alembic import op

revision = "0005_payments"
down_revision = "0004_issuance"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA payments;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA payments CASCADE")
