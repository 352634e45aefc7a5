"""Snapshots of the finished pools: all that a quote depends on. The watcher fills them at once."""

from alembic import op

revision = "0030_pool_snapshots"
down_revision = "0020_api"
branch_labels = None
depends_on = None

SCHEMA = """
DROP TABLE pools.snapshot;

-- A pool as it stood at a block, written and read whole (juapesa/pools/store.py has its shape), with what
-- the price publishers said then; null when too few of them said anything.
CREATE TABLE pools.snapshot (
    token   text PRIMARY KEY,
    block   bigint NOT NULL,
    state   jsonb NOT NULL,
    agreed  jsonb,
    seen_at timestamptz NOT NULL
);
"""

# As 0004_issuance made it.
BEFORE = """
DROP TABLE pools.snapshot;
CREATE TABLE pools.snapshot (
    token           text PRIMARY KEY,
    block           bigint NOT NULL,
    mid_e18         numeric(39) NOT NULL,
    observed_at     bigint NOT NULL,
    reserve_token   bigint NOT NULL,
    reserve_usdc    bigint NOT NULL,
    spread_ppm      int NOT NULL,
    max_share_ppm   int NOT NULL,
    max_age_seconds int NOT NULL,
    max_step_ppm    int NOT NULL,
    sells_paused    boolean NOT NULL,
    buys_paused     boolean NOT NULL,
    seen_at         timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    op.execute(BEFORE)
