"""One custody statement covers many receipts, and the house's liquidity is an order of its own.

Statements that were not minted under before this had one receipt each; they are asked for again.
"""

from alembic import op

revision = "0035_statements"
down_revision = "0030_pool_snapshots"
branch_labels = None
depends_on = None

FORWARD = """
-- What an item's mint rests on, and the statement that covers it now: none while one is still to be made.
CREATE TABLE issuance.receipt (
    item_id      uuid PRIMARY KEY REFERENCES issuance.item,
    token        text NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    source       text NOT NULL,
    rail         text NOT NULL,
    reference    text NOT NULL,
    receipt      text NOT NULL,
    receipt_hash bytea NOT NULL,
    custody      bigint NOT NULL,                 -- the float when it was ordered, as our books had it
    alone        boolean NOT NULL DEFAULT false,  -- an attester would not sign it among others
    statement_id bigint
);
INSERT INTO issuance.receipt
    SELECT item_id, token, amount, source, rail, reference, receipt, receipt_hash, custody, false, NULL
    FROM issuance.statement;
DROP TABLE issuance.signature;
DROP TABLE issuance.statement;

-- What attesters are asked to sign. A statement that no receipt points to is done with.
CREATE TABLE issuance.statement (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token        text NOT NULL,
    entries      bytea NOT NULL,                  -- as the registry reads them
    reserves     bigint NOT NULL,
    observed_at  bigint NOT NULL,
    expires_at   bigint NOT NULL
);
ALTER TABLE issuance.receipt ADD FOREIGN KEY (statement_id) REFERENCES issuance.statement;
CREATE INDEX receipt_of_statement ON issuance.receipt (statement_id);

CREATE TABLE issuance.signature (
    statement_id bigint NOT NULL REFERENCES issuance.statement,
    attester     text NOT NULL,
    signature    bytea NOT NULL,
    signed_at    timestamptz NOT NULL,
    PRIMARY KEY (statement_id, attester)
);
"""

BACKWARD = """
DROP TABLE issuance.signature;
DROP TABLE issuance.receipt;
DROP TABLE issuance.statement;
CREATE TABLE issuance.statement (
    item_id      uuid PRIMARY KEY REFERENCES issuance.item,
    token        text NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    source       text NOT NULL,
    rail         text NOT NULL,
    reference    text NOT NULL,
    receipt      text NOT NULL,
    reserves     bigint NOT NULL,
    custody      bigint NOT NULL,
    observed_at  bigint NOT NULL,
    expires_at   bigint NOT NULL,
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
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute(BACKWARD)
