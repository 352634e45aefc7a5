"""A cursor over the chain's events is a position: a block, or on Hedera a consensus time."""

from alembic import op

revision = "0071_position"
down_revision = "0070_envelopes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE issuance.cursor RENAME COLUMN block TO position")


def downgrade() -> None:
    # A consensus time is no block; what it stood for is read again.
    op.execute("DELETE FROM issuance.cursor WHERE name <> 'mirror'")
    op.execute("ALTER TABLE issuance.cursor RENAME COLUMN position TO block")
