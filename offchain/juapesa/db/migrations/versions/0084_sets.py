"""A list of orders is booked by one statement over sets, in place of some ten for each of its rows.

``book.apply`` and ``book.apply_all`` as they were go on under other names, and stay what is true: row by
row, in order. A list of which every order is new, sound and within all limits comes out the same whether it
is booked row by row or all at once. ``book.book_together`` books such lists, and writes nothing of any other.
"""

from alembic import op

revision = "0084_sets"
down_revision = "0083_long_lists"
branch_labels = None
depends_on = None

TOGETHER = """
ALTER FUNCTION book.apply(jsonb) RENAME TO apply_by_row;
ALTER FUNCTION book.apply_all(jsonb) RENAME TO apply_all_by_row;

-- What they call is not immutable, so they were not put into the statements that use them.
ALTER FUNCTION book.digest(text) STABLE;
ALTER FUNCTION book.micros(text) STABLE;

-- Book the orders of a list whose locks are held, all at once; the answers are those of apply_by_row.
-- NULL, and nothing is written, when a key was used before or comes twice, two orders end one hold, or one
-- reverses another, is refused, or is the first to use its code: such a list is to be booked row by row.
-- Tables are looked up by their keys, whatever the planner thinks of their size: it plans once a session.
CREATE FUNCTION book.book_together(p_orders jsonb, p_floor bigint) RETURNS jsonb
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_ids bigint[] := '{}';
    v_id bigint := p_floor - 127;
    v_answers jsonb;
BEGIN
    FOR v_place IN 1 .. jsonb_array_length(p_orders) LOOP
        v_id := book.next_id(v_id + 127);  -- an order has room for 128 lines
        v_ids := v_ids || v_id;
    END LOOP;
    WITH asked AS MATERIALIZED (
        SELECT place, o, o->>'key' AS key, book.digest(o->>'key') AS digest, book.kind_of(o) AS kind,
               (o->>'amount')::numeric AS amount, o->'lines' AS lines, (o->>'hold')::bigint AS hold
          FROM jsonb_array_elements(p_orders) WITH ORDINALITY list (o, place)
    ), planned AS (
        -- The lines of groups, holds, and what becomes of holds.
        SELECT place, line - 1 AS line, jsonb_array_length(lines) AS lines, kind,
               (l->>'debit')::bigint AS debit, (l->>'credit')::bigint AS credit,
               (l->>'amount')::numeric AS amount,
               (l->>'amount')::numeric AS moves, 0 AS reserves, true AS fits, l->>'currency' AS unit,
               (SELECT id FROM book.codes WHERE code = l->>'code') AS code_id,
               CASE WHEN line = 1 THEN digest ELSE book.line_key(digest, line::int - 1) END AS key,
               book.micros(l->>'effective_at') AS detail
          FROM asked, jsonb_array_elements(lines) WITH ORDINALITY list (l, line) WHERE kind = 1
        UNION ALL
        SELECT place, 0, 1, kind, (o->>'debit')::bigint, (o->>'credit')::bigint, amount, 0, amount, true,
               o->>'currency', (SELECT id FROM book.codes WHERE code = o->>'code'), digest,
               book.micros(o->>'expires_at')
          FROM asked WHERE kind = 2
        UNION ALL
        SELECT place, 0, 1, kind, debit, credit, part, CASE WHEN kind IN (6, 7) THEN 0 ELSE part END,
               CASE WHEN kind = 3 THEN -part ELSE -h.amount END, part <= h.amount, NULL, code, digest, h.id
          FROM asked JOIN book.open_holds h ON h.id = hold, coalesce(asked.amount, h.amount) part
         WHERE kind BETWEEN 3 AND 7
    ), sides AS MATERIALIZED (
        -- Each row as either of its accounts sees it, with what that account has after it.
        SELECT p.*, s.*, v_ids[place] + line AS id, a.currency, a.floor, a.ceiling, c.code,
               coalesce(fits AND debit <> credit AND amount BETWEEN 1 AND 1000000000000000000
                        AND scale(amount) = 0 AND (p.kind > 2 OR a.currency = unit)
                        AND c.code !~ '[[:cntrl:]]', false) AS is_sound,
               posted + sum(CASE WHEN a.side = direction THEN moves ELSE -moves END) OVER w AS after,
               held + sum(CASE WHEN a.side = direction THEN 0 ELSE reserves END) OVER w AS held,
               incoming + sum(CASE WHEN a.side = direction THEN reserves ELSE 0 END) OVER w AS incoming,
               entries + row_number() OVER w AS entries,
               lag(v_ids[place] + line, 1, last_id) OVER w AS before
          FROM planned p LEFT JOIN book.codes c ON c.id = code_id,
               LATERAL (VALUES (1, debit), (-1, credit)) s (direction, account)
          LEFT JOIN book.accounts a ON a.id = s.account LEFT JOIN book.balances b ON b.account = s.account
        WINDOW w AS (PARTITION BY s.account ORDER BY v_ids[place] + line ROWS UNBOUNDED PRECEDING)
    ), verdict AS MATERIALIZED (
        SELECT (SELECT count(DISTINCT digest) = count(*) AND count(DISTINCT hold) = count(hold)
                       AND bool_and(coalesce(length(key) BETWEEN 1 AND 200
                                             AND (kind = 7 OR NOT starts_with(key, 'book:')), false))
                  FROM asked)
           AND (SELECT count(*) FILTER (WHERE line = 0 AND direction = 1) = cardinality(v_ids)
                       AND max(line) < 100
                       AND bool_and(is_sound AND after - held >= floor AND after + incoming <= ceiling)
                  FROM sides)
           AND NOT EXISTS (SELECT FROM asked JOIN book.transfers t ON t.key = digest) AS is_plain
    ), whole AS MATERIALIZED (
        SELECT * FROM (
            SELECT s.*, lead(after) OVER row AS credit_after, lead(before) OVER row AS credit_before
              FROM sides s WHERE (SELECT is_plain FROM verdict)
            WINDOW row AS (PARTITION BY id ORDER BY direction DESC)
        ) both_sides WHERE direction = 1
    ), booked AS (
        INSERT INTO book.transfers
        SELECT id, debit, credit, amount, after, credit_after, before, credit_before, detail, key, kind,
               code_id, line, lines FROM whole ORDER BY id
    ), balanced AS (
        UPDATE book.balances b
           SET posted = after, held = s.held, incoming = s.incoming, entries = s.entries, last_id = id
          FROM (SELECT DISTINCT ON (account) * FROM sides ORDER BY account, id DESC) s
         WHERE b.account = s.account AND (SELECT is_plain FROM verdict)
    ), marked AS (
        INSERT INTO book.checkpoints
        SELECT account, id, after FROM sides WHERE entries % 64 = 0 AND (SELECT is_plain FROM verdict)
    ), placed AS (
        INSERT INTO book.open_holds
        SELECT id, debit, credit, amount, code_id, detail FROM whole WHERE kind = 2
    ), lowered AS (
        UPDATE book.open_holds h SET amount = h.amount + reserves
          FROM whole WHERE h.id = detail AND kind BETWEEN 3 AND 7 AND h.amount + reserves > 0
    ), ended AS (
        DELETE FROM book.open_holds h USING whole
         WHERE h.id = detail AND kind BETWEEN 3 AND 7 AND h.amount + reserves = 0
    )
    SELECT json_agg(json_build_object('ok', true, 'repeated', false, 'rows', made) ORDER BY place)
      INTO v_answers
      FROM (SELECT place, json_agg(json_build_object(
                       'id', id, 'debit', debit, 'credit', credit, 'amount', amount, 'currency', currency,
                       'code', code, 'debit_after', after, 'credit_after', credit_after) ORDER BY id) AS made
              FROM whole GROUP BY place) orders;
    RETURN v_answers;
END $$;
"""
# In front of each of the functions that book row by row.
FRONT = """
CREATE FUNCTION book.NAME(p_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_answers jsonb;
BEGIN
    IF jsonb_array_length(p_orders) > 2 THEN  -- one or two are cheaper row by row
        v_answers := book.book_together(p_orders, book.ready_for(p_orders));
    END IF;
    RETURN coalesce(v_answers, book.NAME_by_row(p_orders));
END $$;
"""
RIGHTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA book FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        REVOKE EXECUTE ON FUNCTION book.apply_by_row, book.apply_all_by_row FROM juapesa_app;
        GRANT EXECUTE ON FUNCTION book.apply, book.apply_all TO juapesa_app;
    END IF;
END $$;
"""
BACKWARD = """
DROP FUNCTION book.apply(jsonb);
DROP FUNCTION book.apply_all(jsonb);
DROP FUNCTION book.book_together(jsonb, bigint);
ALTER FUNCTION book.digest(text) IMMUTABLE;
ALTER FUNCTION book.micros(text) IMMUTABLE;
ALTER FUNCTION book.apply_by_row(jsonb) RENAME TO apply;
ALTER FUNCTION book.apply_all_by_row(jsonb) RENAME TO apply_all;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        GRANT EXECUTE ON FUNCTION book.apply, book.apply_all TO juapesa_app;
    END IF;
END $$;
"""


def upgrade() -> None:
    # Through the driver: SQLAlchemy would read ":=" as its own.
    fronts = [FRONT.replace("NAME", name) for name in ("apply", "apply_all")]
    op.get_bind().exec_driver_sql("".join((TOGETHER, *fronts, RIGHTS)).replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(BACKWARD)
