"""Tables of the transparency context: statements of what is owed to customers, as sum trees."""

from alembic import op

revision = "0042_liabilities"
down_revision = "0041_verdicts"
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA transparency;

-- Amounts are minor units, in the order of currencies. batch and chain: the ledger's head at that instant.
CREATE TABLE transparency.statement (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    batch bigint NOT NULL,
    chain bytea NOT NULL,
    currencies text[] NOT NULL,
    leaves integer NOT NULL CHECK (leaves > 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    totals bigint[] NOT NULL,
    custody bigint[] NOT NULL
);

CREATE TABLE transparency.leaf (
    statement bigint NOT NULL REFERENCES transparency.statement,
    place integer NOT NULL,
    customer bytea NOT NULL CHECK (octet_length(customer) = 32),
    amounts bigint[] NOT NULL,
    PRIMARY KEY (statement, place)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    op.execute("DROP SCHEMA transparency CASCADE")
