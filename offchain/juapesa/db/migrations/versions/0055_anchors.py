"""What we anchor in a topic of Hedera's consensus service: messages, and the transactions that carry them."""

from alembic import op

revision = "0055_anchors"
down_revision = "0050_in_flight"
branch_labels = None
depends_on = None

TABLES = """
-- A message is on record before any transaction for it is made. What it says of each kind stands beside it.
CREATE TABLE transparency.anchor (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    message bytea NOT NULL CHECK (octet_length(message) BETWEEN 1 AND 1024),
    registry text,
    log_size bigint,
    batch bigint,
    statement bigint,
    made_at timestamptz NOT NULL,
    sequence bigint,
    running_hash bytea,
    anchored_at timestamptz,
    CHECK ((sequence IS NULL) = (anchored_at IS NULL)),
    CHECK ((registry IS NULL) = (log_size IS NULL)),
    UNIQUE (topic, sequence)
);
-- One at a time, whoever leads: so messages are ordered in the topic as they were made.
CREATE UNIQUE INDEX anchor_under_way ON transparency.anchor ((true)) WHERE sequence IS NULL;

-- The id is made and stored before the transaction is sent; the network takes an id once.
CREATE TABLE transparency.anchor_attempt (
    transaction text PRIMARY KEY,
    anchor bigint NOT NULL REFERENCES transparency.anchor,
    made_at timestamptz NOT NULL,
    outcome text
);
-- Another one is made only when it is known what became of the one before.
CREATE UNIQUE INDEX anchor_attempt_open ON transparency.anchor_attempt (anchor) WHERE outcome IS NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE transparency.anchor_attempt, transparency.anchor")
