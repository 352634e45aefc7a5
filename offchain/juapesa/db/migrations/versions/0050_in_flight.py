"""Several batches of a sender may be on their way, one for each nonce."""

from alembic import op

revision = "0050_in_flight"
down_revision = "0042_liabilities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX issuance.one_open_batch")
    op.execute(
        "CREATE UNIQUE INDEX one_open_batch_a_nonce ON issuance.batch (sender, nonce) WHERE state = 'built'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX issuance.one_open_batch_a_nonce")
    op.execute("CREATE UNIQUE INDEX one_open_batch ON issuance.batch (sender) WHERE state = 'built'")
