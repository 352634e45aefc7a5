"""Tables of the payments context: quotes, payments, their legs and their history."""

from alembic import op

revision = "0005_payments"
down_revision = "0004_issuance"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SCHEMA payments;

CREATE TABLE payments.quote (
    token           text PRIMARY KEY,
    person_id       bigint NOT NULL,
    kind            text NOT NULL,
    source          text NOT NULL,
    amount_minor    bigint NOT NULL CHECK (amount_minor > 0),
    total_minor     bigint NOT NULL CHECK (total_minor >= amount_minor),
    from_currency   text NOT NULL,
    receives_minor  bigint NOT NULL CHECK (receives_minor > 0),
    to_currency     text NOT NULL,
    fees            jsonb NOT NULL,
    rate            text NOT NULL,
    from_rail       text NOT NULL,
    to_rail         text,
    to_label        text NOT NULL,
    to_phone_sealed bytea,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL
);

CREATE TABLE payments.payment (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL UNIQUE,
    quote_token  text NOT NULL UNIQUE REFERENCES payments.quote,
    person_id    bigint NOT NULL,
    status       text NOT NULL,
    needs_operator text,
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX payment_of_person ON payments.payment (person_id, id DESC);

-- One leg asks one party for one thing. ``reference`` is ours and the same on every retry.
CREATE TABLE payments.leg (
    payment_id   bigint NOT NULL REFERENCES payments.payment,
    seq          int NOT NULL,
    kind         text NOT NULL,
    state        text NOT NULL,
    reference    uuid NOT NULL UNIQUE,
    handle       text,
    receipt      text,
    code         text NOT NULL DEFAULT '',
    hold_id      bigint,
    asked_at     timestamptz,
    next_at      timestamptz,
    lease_until  timestamptz,
    attempts     int NOT NULL DEFAULT 0,
    PRIMARY KEY (payment_id, seq)
);
CREATE INDEX leg_to_do ON payments.leg (next_at) WHERE state IN ('due', 'asking', 'pending', 'unknown');

-- What happened, in order, with reasons; never changed. Holds no phone number and no name.
CREATE TABLE payments.event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id   bigint NOT NULL REFERENCES payments.payment,
    seq          int,
    at           timestamptz NOT NULL,
    name         text NOT NULL,
    detail       text NOT NULL DEFAULT ''
);
CREATE INDEX event_of_payment ON payments.event (payment_id, id);

CREATE FUNCTION payments.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'payments.event is append-only'; END $$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.event
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse();
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute("DROP SCHEMA payments CASCADE")
