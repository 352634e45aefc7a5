"""Tables of the wallet context."""

from alembic import op

revision = "0002_wallet"
down_revision = "0001_ledger"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA wallet;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA wallet CASCADE")
