"""Tables of the ledger context."""

from alembic import op

revision = "0001_ledger"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA ledger;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA ledger CASCADE")
