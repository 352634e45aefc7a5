"""What our books say is on the chain, for whoever must see whether a chain is the one they speak of."""

import psycopg

from juapesa.db import Database


def newest_transactions(db: Database) -> list[str]:
    """Hashes of the newest batch in a block and of the newest mirrored log entry; none before the first."""
    try:
        with db.unit_of_work() as uow:
            rows = uow.all(
                """(SELECT tx_hash FROM issuance.batch WHERE state = 'included' ORDER BY id DESC LIMIT 1)
                   UNION (SELECT tx_hash FROM issuance.leaf ORDER BY log_index DESC LIMIT 1)"""
            )
    except psycopg.errors.UndefinedTable:
        return []  # a database before its first migration
    return [row["tx_hash"] for row in rows]
