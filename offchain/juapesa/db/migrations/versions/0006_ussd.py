"""Tables of the ussd context."""

from alembic import op

revision = "0006_ussd"
down_revision = "0005_payments"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA ussd;

-- One row a session. ``key`` is a keyed fingerprint of the gateway's session id, ``caller`` of the
-- number; ``state`` is sealed. What the person typed is not kept: ``path_length`` and ``path_mark``
-- (keyed) are enough to cut the next input off an accumulating text and to know a repeated hop.
CREATE TABLE ussd.sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway text NOT NULL,
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    caller bytea NOT NULL CHECK (octet_length(caller) = 32),
    person_id bigint NOT NULL,
    open boolean NOT NULL,        -- still takes hops; a person has one open session at most
    hops integer NOT NULL CHECK (hops > 0),
    path_length integer NOT NULL CHECK (path_length >= 0),
    path_mark bytea NOT NULL CHECK (octet_length(path_mark) = 32),
    state bytea NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL, -- no index on it: a hop stays a heap-only update
    ended_as text CHECK (ended_as IN ('success', 'incomplete', 'failed')),
    UNIQUE (gateway, key)
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX sessions_open ON ussd.sessions (person_id) WHERE open;
CREATE INDEX sessions_started ON ussd.sessions (started_at);

-- Every answer given, sealed, so that a repeated hop gets it again.
CREATE TABLE ussd.answers (
    session_id bigint NOT NULL REFERENCES ussd.sessions ON DELETE CASCADE,
    mark bytea NOT NULL CHECK (octet_length(mark) = 32),
    answer bytea NOT NULL,
    PRIMARY KEY (session_id, mark)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA ussd CASCADE")
