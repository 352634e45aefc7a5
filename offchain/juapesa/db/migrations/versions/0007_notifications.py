"""Tables of the notifications context."""

from alembic import op

revision = "0007_notifications"
down_revision = "0006_ussd"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA notifications;

-- Text messages to send (notifications/outbox.py). One event has one key and is sent once.
CREATE TABLE notifications.message (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text NOT NULL UNIQUE,
    person_id       bigint,                   -- whose phone it goes to, or …
    phone_sealed    bytea,                    -- … the phone itself, E.164, sealed
    text            text NOT NULL CHECK (length(text) BETWEEN 1 AND 918),  -- six parts of an SMS
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,     -- while claimed: the end of the claim
    ended_at        timestamptz,
    gateway_id      text,                     -- the gateway's id of a sent message
    why             text,                     -- of the last failure, in the gateway's words
    CHECK ((person_id IS NULL) <> (phone_sealed IS NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX message_waiting ON notifications.message (next_attempt_at) WHERE state = 'waiting';
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA notifications CASCADE")
