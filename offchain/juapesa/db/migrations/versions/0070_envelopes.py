"""Native transactions that carry a batch's forms, on record before they are sent."""

from alembic import op

revision = "0070_envelopes"
down_revision = "0066_second_word"
branch_labels = None
depends_on = None

FORWARD = """
-- Its id is (payer, start of its valid time in nanoseconds); the network takes an id once.
CREATE TABLE issuance.envelope (
    payer        bigint NOT NULL,
    valid_start  bigint NOT NULL,
    tx_hash      text NOT NULL REFERENCES issuance.attempt,
    PRIMARY KEY (payer, valid_start)
);
CREATE INDEX envelope_of_attempt ON issuance.envelope (tx_hash);
-- A node tells that a batch is done before any mirror shows its block.
CREATE INDEX batch_unshown ON issuance.batch (sender) WHERE state = 'included' AND block IS NULL;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute("DROP INDEX issuance.batch_unshown")
    op.execute("DROP TABLE issuance.envelope")
