"""Tables of the issuance and pools contexts: chain items, statements, signatures, batches, mirrors."""

from alembic import op

revision = "0004_issuance"
down_revision = "0003_rails"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA issuance;

-- One transfer's work for the chain. The id is the one that the router settles once, ever.
CREATE TABLE issuance.item (
    id           uuid PRIMARY KEY,
    orders       jsonb NOT NULL,
    deadline     timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'batched', 'settled', 'failed')),
    batch_id     bigint,
    reason       text NOT NULL DEFAULT '',
    attempts     int NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX item_to_do ON issuance.item (created_at) WHERE state IN ('open', 'batched');

-- What attesters are asked to sign; one for an item that mints.
CREATE TABLE issuance.statement (
    item_id      uuid PRIMARY KEY REFERENCES issuance.item,
    token        text NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    source       text NOT NULL,
    rail         text NOT NULL,
    reference    text NOT NULL,
    receipt      text NOT NULL,
    reserves     bigint NOT NULL,
    custody      bigint NOT NULL,          -- the float behind the claim, as our books had it
    observed_at  bigint NOT NULL,
    expires_at   bigint NOT NULL,
    nonce        bytea NOT NULL UNIQUE,
    receipt_hash bytea NOT NULL,
    digest       bytea NOT NULL UNIQUE
);

CREATE TABLE issuance.signature (
    item_id      uuid NOT NULL REFERENCES issuance.statement,
    attester     text NOT NULL,
    signature    bytea NOT NULL,
    signed_at    timestamptz NOT NULL,
    PRIMARY KEY (item_id, attester)
);

-- One transaction. Its bytes and hash are on record before anyone else sees them.
CREATE TABLE issuance.batch (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sender       text NOT NULL,
    nonce        bigint NOT NULL,
    tx_hash      text NOT NULL UNIQUE,
    raw          bytea NOT NULL,
    state        text NOT NULL CHECK (state IN ('built', 'included', 'replaced')),
    block        bigint,
    created_at   timestamptz NOT NULL,
    included_at  timestamptz
);
CREATE UNIQUE INDEX one_open_batch ON issuance.batch (sender) WHERE state = 'built';

-- Every signed form of a batch. All have its nonce, so at most one can land.
CREATE TABLE issuance.attempt (
    tx_hash      text PRIMARY KEY,
    batch_id     bigint NOT NULL REFERENCES issuance.batch
);
CREATE INDEX attempt_of_batch ON issuance.attempt (batch_id);

-- Leaves of the public log, as the watcher saw them.
CREATE TABLE issuance.leaf (
    log_index    bigint PRIMARY KEY,
    token        text NOT NULL,
    delta        bigint NOT NULL,
    supply_after bigint NOT NULL,
    receipt_hash bytea NOT NULL,
    leaf         bytea NOT NULL,
    tx_hash      text NOT NULL,
    block        bigint NOT NULL
);
CREATE INDEX leaf_of_receipt ON issuance.leaf (receipt_hash);

-- How far the watcher has read.
CREATE TABLE issuance.cursor (
    name         text PRIMARY KEY,
    block        bigint NOT NULL
);

CREATE SCHEMA pools;

-- A pool as it stood at a block, with the newest signed price.
CREATE TABLE pools.snapshot (
    token           text PRIMARY KEY,
    block           bigint NOT NULL,
    mid_e18         numeric(39) NOT NULL,
    observed_at     bigint NOT NULL,
    reserve_token   bigint NOT NULL,
    reserve_usdc    bigint NOT NULL,
    spread_ppm      int NOT NULL,
    max_share_ppm   int NOT NULL,
    max_age_seconds int NOT NULL,
    max_step_ppm    int NOT NULL,
    sells_paused    boolean NOT NULL,
    buys_paused     boolean NOT NULL,
    seen_at         timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA pools CASCADE")
    op.execute("DROP SCHEMA issuance CASCADE")
