"""Items have numbers, which the registry mints once; leaves have kinds.

The log before this was another contract's: its leaves and statements have no place in the new one's.
"""

from alembic import op

revision = "0009_numbers"
down_revision = "0008_late_successes"
branch_labels = None
depends_on = None

FORWARD = """
ALTER TABLE issuance.item ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;
ALTER TABLE issuance.statement DROP COLUMN nonce;
ALTER TABLE issuance.leaf ADD COLUMN kind smallint NOT NULL DEFAULT 1 CHECK (kind BETWEEN 1 AND 5);
ALTER TABLE issuance.leaf ALTER COLUMN kind DROP DEFAULT;
"""

BACKWARD = """
ALTER TABLE issuance.leaf DROP COLUMN kind;
ALTER TABLE issuance.statement ADD COLUMN nonce bytea NOT NULL DEFAULT '';
ALTER TABLE issuance.item DROP COLUMN number;
"""


def upgrade() -> None:
    op.execute(FORWARD)


def downgrade() -> None:
    op.execute(BACKWARD)
