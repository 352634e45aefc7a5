"""Verdicts on the whole books, as the bookkeeper finds them."""

from alembic import op

revision = "0041_verdicts"
down_revision = "0040_one_ledger"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE book.verdicts (
    at timestamptz PRIMARY KEY,
    transfers bigint NOT NULL,
    first_fault text
);

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        GRANT SELECT, INSERT ON book.verdicts TO juapesa_app;
    END IF;
END $$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE book.verdicts")
