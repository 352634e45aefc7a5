"""Tables of the issuance context."""

from alembic import op

revision = "0004_issuance"
down_revision = "0003_rails"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA issuance;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA issuance CASCADE")
