"""Tables of the rails context."""

from alembic import op

revision = "0003_rails"
down_revision = "0002_wallet"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA rails;

-- One access token a set of operator credentials, shared by all processes (rails/token_table.py).
CREATE TABLE rails.token (
    name          text PRIMARY KEY,
    sealed        bytea,                      -- the token, sealed; NULL before the first
    usable_until  timestamptz,
    claim         bigint NOT NULL DEFAULT 0,  -- number of the last refresh that was begun
    claimed_until timestamptz                 -- a refresh is under way until then at the latest
);

-- What operators posted to us, kept until somebody has acted on it (rails/inbox.py).
CREATE TABLE rails.callback (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rail         text NOT NULL,
    kind         text NOT NULL,
    reference    text NOT NULL,               -- ours, from the address that it came to
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),  -- keyed hash of the body
    sealed       bytea NOT NULL,              -- the raw body: it may hold a phone number and a name
    received_at  timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'given-up')),
    claimable_at timestamptz NOT NULL,        -- received_at, later the end of the last claim
    attempts     integer NOT NULL DEFAULT 0,
    processed_at timestamptz,
    why          text,                        -- of a callback given up
    UNIQUE (rail, kind, reference, fingerprint),
    CHECK ((state = 'new') = (processed_at IS NULL))
);
CREATE INDEX callback_waiting ON rails.callback (claimable_at) WHERE state = 'new';
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA rails CASCADE")
