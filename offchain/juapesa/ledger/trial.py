"""The trial of the books: everything recomputed from the rows that never change."""

from juapesa.db import UnitOfWork
from juapesa.ledger.domain import Trial
from juapesa.money import Money, currency

# One statement, hence one snapshot: traffic may go on meanwhile. (%% is one % for the driver.)
_FAULTS = """
WITH legs AS MATERIALIZED (
    SELECT e.*, a.side, e.amount * e.direction * a.side AS change
      FROM ledger.entries e JOIN ledger.accounts a ON a.id = e.account_id
), chain AS (
    SELECT account_id, sequence, after, change,
           lag(after, 1, 0::bigint) OVER w AS before, row_number() OVER w AS place
      FROM legs WINDOW w AS (PARTITION BY account_id ORDER BY sequence, transfer_id)
), sums AS (
    SELECT account_id, sum(change) AS posted, count(*) AS entries FROM legs GROUP BY account_id
), reserved AS (
    SELECT a.id AS account_id,
           sum(h.amount) FILTER (WHERE (a.id = h.debit_account) = (a.side = -1)) AS held,
           sum(h.amount) FILTER (WHERE (a.id = h.debit_account) = (a.side = 1)) AS incoming
      FROM ledger.holds h JOIN ledger.accounts a ON a.id IN (h.debit_account, h.credit_account)
     WHERE NOT EXISTS (SELECT 1 FROM ledger.hold_ends e WHERE e.hold_id = h.id)
     GROUP BY a.id
), bodies AS (
    SELECT p.id, p.kind, p.body_hash, CASE p.kind
        WHEN 'post' THEN (SELECT jsonb_agg(jsonb_build_array(t.debit_account, t.credit_account, t.amount,
                                 t.currency, t.code, ledger.iso(t.effective_at)) ORDER BY t.line)
                            FROM ledger.transfers t WHERE t.posting_id = p.id)
        WHEN 'hold' THEN (SELECT jsonb_build_array(h.debit_account, h.credit_account, h.amount,
                                 h.currency, h.code, ledger.iso(h.effective_at))
                            FROM ledger.holds h WHERE h.posting_id = p.id)
        ELSE (SELECT jsonb_build_array(e.hold_id, e.captured)
                FROM ledger.hold_ends e WHERE e.posting_id = p.id) END AS body
      FROM ledger.postings p
)
SELECT format('account %%s: posted %%s, its entries say %%s', a.id, a.posted, coalesce(s.posted, 0)) AS fault
  FROM ledger.accounts a LEFT JOIN sums s ON s.account_id = a.id
 WHERE a.posted <> coalesce(s.posted, 0)
UNION ALL
SELECT format('account %%s: held %%s and incoming %%s, its open holds say %%s and %%s',
              a.id, a.held, a.incoming, coalesce(r.held, 0), coalesce(r.incoming, 0))
  FROM ledger.accounts a LEFT JOIN reserved r ON r.account_id = a.id
 WHERE (a.held, a.incoming) <> (coalesce(r.held, 0), coalesce(r.incoming, 0))
UNION ALL
SELECT format('account %%s: sequence %%s, but %%s entries', a.id, a.sequence, coalesce(s.entries, 0))
  FROM ledger.accounts a LEFT JOIN sums s ON s.account_id = a.id
 WHERE a.sequence <> coalesce(s.entries, 0)
UNION ALL
SELECT format('account %%s, entry %%s: the balance after should be %%s, not %%s',
              account_id, sequence, before + change, after)
  FROM chain WHERE after <> before + change OR sequence <> place
UNION ALL
SELECT format('account %%s: available %%s is below its floor', id, posted - held)
  FROM ledger.accounts WHERE posted - held < floor
UNION ALL
SELECT format('account %%s: its side or floor is not that of a %%s', a.id, a.kind)
  FROM ledger.accounts a JOIN ledger.kinds k ON k.kind = a.kind
 WHERE a.side <> k.side OR a.floor IS DISTINCT FROM k.floor
UNION ALL
SELECT format('transfer %%s: not in the currency of its accounts', t.id)
  FROM ledger.transfers t
  JOIN ledger.accounts d ON d.id = t.debit_account JOIN ledger.accounts c ON c.id = t.credit_account
 WHERE t.currency <> d.currency OR t.currency <> c.currency
UNION ALL
SELECT format('posting %%s (%%s): its rows are not what was ordered', id, kind)
  FROM bodies WHERE body IS NULL OR body_hash <> ledger.body_hash(kind, body)
UNION ALL
SELECT format('hold %%s: its end and its transfer disagree', h.id)
  FROM ledger.holds h LEFT JOIN ledger.hold_ends e ON e.hold_id = h.id
  LEFT JOIN ledger.transfers t ON t.hold_id = h.id
 WHERE h.open <> (e.hold_id IS NULL)
    OR coalesce(e.captured, 0) <> coalesce(t.amount, 0)
    OR coalesce(e.captured, 0) > h.amount
    OR (t.id IS NOT NULL AND (t.debit_account, t.credit_account, t.posting_id)
                          <> (h.debit_account, h.credit_account, e.posting_id))
UNION ALL
SELECT format('%%s: debit-normal accounts hold %%s, credit-normal ones %%s', currency,
              coalesce(sum(posted) FILTER (WHERE side = 1), 0),
              coalesce(sum(posted) FILTER (WHERE side = -1), 0))
  FROM ledger.accounts GROUP BY currency HAVING sum(posted * side) <> 0
"""

_TOTALS = """
SELECT currency, coalesce(sum(posted) FILTER (WHERE side = 1), 0)::bigint AS total
  FROM ledger.accounts GROUP BY currency ORDER BY currency
"""


def run_trial(uow: UnitOfWork) -> Trial:
    """Every fault of the books by name, and the totals. Reads the whole history."""
    faults = tuple(row["fault"] for row in uow.all(_FAULTS))
    totals = {row["currency"]: Money(row["total"], currency(row["currency"])) for row in uow.all(_TOTALS)}
    return Trial(faults, totals)
