"""Payments that need a person: steps that raised, and what a person decided."""

from alembic import op

revision = "0065_stuck"
down_revision = "0055_anchors"
branch_labels = None
depends_on = None

FORWARD = """
-- How often the leg's step has raised in a row, and what (a slug).
ALTER TABLE payments.leg ADD COLUMN stumbles int NOT NULL DEFAULT 0, ADD COLUMN stumbled_on text;
-- The leg whose end ends the call for a person; none where only the person does.
ALTER TABLE payments.payment ADD COLUMN call_ends_with int;
CREATE INDEX leg_under_way ON payments.leg (payment_id, seq)
    WHERE state IN ('due', 'asking', 'pending', 'unknown') OR stumbles > 0;
CREATE INDEX payment_called ON payments.payment (id) WHERE needs_operator IS NOT NULL;

-- What a person decided about a leg, and why; never changed. Holds no phone number.
CREATE TABLE payments.release (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id bigint NOT NULL,
    seq        int NOT NULL,
    decision   text NOT NULL,
    by         text NOT NULL CHECK (length(by) BETWEEN 1 AND 80),
    because    text NOT NULL CHECK (length(because) BETWEEN 1 AND 300),
    at         timestamptz NOT NULL,
    FOREIGN KEY (payment_id, seq) REFERENCES payments.leg
);
CREATE INDEX release_of_leg ON payments.release (payment_id, seq, id);

CREATE OR REPLACE FUNCTION payments.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'payments.% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER release_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.release
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse();
"""

BACKWARD = """
DROP TABLE payments.release;
DROP INDEX payments.payment_called;
DROP INDEX payments.leg_under_way;
ALTER TABLE payments.payment DROP COLUMN call_ends_with;
ALTER TABLE payments.leg DROP COLUMN stumbles, DROP COLUMN stumbled_on;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute(BACKWARD)
