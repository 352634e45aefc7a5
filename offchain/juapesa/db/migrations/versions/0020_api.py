"""Tables of the HTTP API: clients, what each was let in for, first answers, and who asked for which quote."""

from alembic import op

revision = "0020_api"
down_revision = "0010_book"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA api;

-- Either a secret that signs requests (we need it to check: sealed) or a bearer token (hashed).
CREATE TABLE api.client (
    id            text PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 80),
    scopes        text[] NOT NULL CHECK (cardinality(scopes) > 0),
    person_id     bigint,
    secret_sealed bytea,
    token_hash    bytea CHECK (octet_length(token_hash) = 32),
    made_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    CHECK (num_nonnulls(secret_sealed, token_hash) = 1)
);

-- Requests of the last minutes: a nonce is good once, and a minute holds so many.
CREATE TABLE api.admission (
    client_id text NOT NULL REFERENCES api.client,
    nonce     text NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (client_id, nonce)
);
CREATE INDEX admission_by_time ON api.admission (client_id, at);

-- The first answer to each Idempotency-Key. The fingerprint is keyed: no body can be guessed from it.
CREATE TABLE api.answer (
    client_id   text NOT NULL REFERENCES api.client,
    key         text NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      int,
    body        text,
    made_at     timestamptz NOT NULL,
    PRIMARY KEY (client_id, key)
);

-- Who asked for a quote; only they may confirm it and follow its payment.
CREATE TABLE api.quote (
    token     text PRIMARY KEY,
    client_id text NOT NULL REFERENCES api.client,
    person_id bigint NOT NULL,
    code      text UNIQUE
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA api CASCADE")
