"""Tables of the rails context."""

from alembic import op

revision = "0003_rails"
down_revision = "0002_wallet"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA rails;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA rails CASCADE")
