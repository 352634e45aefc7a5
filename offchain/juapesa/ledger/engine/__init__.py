"""The single-writer ledger: group commit, holds, idempotency and a hash over every row.

`orders` are the words, `books` the rules without I/O, `model` the same rules said slowly, `storage`
and `writer` put them on PostgreSQL. What it promises: docs/decisions/0007-ledger-engine.md.
"""
