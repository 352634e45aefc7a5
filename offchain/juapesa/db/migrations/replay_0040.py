"""SQL of migration 0040 that carries the first ledger over. No migration of its own."""

# The codes of our own bookings, so that nobody ever waits for the lock that makes a new one.
CODES = """
INSERT INTO book.codes (id, code)
SELECT (SELECT count(*) FROM book.codes) + row_number() OVER (), c
  FROM unnest(ARRAY['opening', 'collect', 'hold', 'fee', 'rounding', 'credit', 'fx', 'fx-back', 'payout',
                    'refund', 'restore', 'chain', 'reversal']) c
 WHERE c NOT IN (SELECT code FROM book.codes);
SELECT book.ensure_months(clock_timestamp(), 3);
"""

# Postings in the order of their booking; those that share an account were locked one after the other,
# so their times tell. A posting's rows get ids of its own millisecond, or the next free ones.
REPLAY = """
-- As book.write, but by the limits of that time: what was booked then is not judged again.
CREATE FUNCTION book.replay(
    p_id bigint, p_debit bigint, p_credit bigint, p_amount bigint, p_moves bigint, p_reserves bigint,
    p_kind int, p_detail bigint, p_code text, p_key uuid, p_line int, p_lines int
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b record;
    v_after bigint[] := '{}';
    v_before bigint[] := '{}';
BEGIN
    FOR b IN SELECT x.account, x.last_id, a.side * s.direction AS sign, s.direction
               FROM (VALUES (p_debit, 1), (p_credit, -1)) s (account, direction)
               JOIN book.balances x ON x.account = s.account JOIN book.accounts a ON a.id = s.account
              ORDER BY s.direction DESC LOOP
        v_before := v_before || b.last_id;
        UPDATE book.balances x
           SET posted = posted + b.sign * p_moves, entries = entries + 1, last_id = p_id,
               held = held + CASE b.sign WHEN -1 THEN p_reserves ELSE 0 END,
               incoming = incoming + CASE b.sign WHEN 1 THEN p_reserves ELSE 0 END
         WHERE account = b.account RETURNING v_after || posted INTO v_after;
        INSERT INTO book.checkpoints SELECT account, p_id, posted FROM book.balances
         WHERE account = b.account AND entries % 64 = 0;
    END LOOP;
    INSERT INTO book.transfers VALUES (p_id, p_debit, p_credit, p_amount, v_after[1], v_after[2],
        v_before[1], v_before[2], p_detail, p_key, p_kind, book.code_id(p_code), p_line, p_lines);
END $$;

DO $$
DECLARE
    p record;
    t record;
    v_base bigint := 0;
    v_key uuid;
    v_month timestamptz;
    v_wrong text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM ledger.accounts) THEN
        RETURN;
    END IF;
    SELECT date_trunc('month', min(booked_at)) INTO v_month FROM ledger.postings;
    IF EXISTS (SELECT 1 FROM book.accounts) THEN
        RAISE EXCEPTION 'both the schema ledger and the schema book hold accounts; they cannot be merged';
    END IF;

    INSERT INTO book.accounts (id, kind, owner, currency, side, floor, ceiling) OVERRIDING SYSTEM VALUE
    SELECT a.id, a.kind, a.owner, a.currency, a.side, k.floor, 1000000000000000000
      FROM ledger.accounts a JOIN book.kinds k ON k.kind = a.kind ORDER BY a.id;
    PERFORM setval(pg_get_serial_sequence('book.accounts', 'id'), (SELECT max(id) FROM book.accounts));
    INSERT INTO book.balances (account) SELECT id FROM book.accounts;
    WHILE v_month < now() LOOP
        PERFORM book.ensure_months(v_month, 2);  -- one more: the zone may put a booking into the next
        v_month := v_month + interval '1 month';
    END LOOP;

    CREATE TEMPORARY TABLE moved_holds (old bigint PRIMARY KEY, new bigint NOT NULL) ON COMMIT DROP;
    FOR p IN
        SELECT o.id, o.key, o.kind,
               coalesce((SELECT min(x.booked_at) FROM ledger.transfers x WHERE x.posting_id = o.id),
                        o.booked_at) AS at
          FROM ledger.postings o ORDER BY 4, 1
    LOOP
        v_base := greatest(book.first_id_at(p.at), v_base + 128);
        v_key := book.digest(p.key);
        IF p.kind = 'post' THEN
            FOR t IN SELECT x.*, count(*) OVER () AS lines FROM ledger.transfers x
                      WHERE x.posting_id = p.id ORDER BY x.line LOOP
                PERFORM book.replay(
                    v_base + t.line - 1, t.debit_account, t.credit_account, t.amount, t.amount, 0, 1,
                    book.micros(t.effective_at::text), t.code,
                    book.line_key(v_key, t.line - 1), t.line - 1, t.lines::int);
            END LOOP;
        ELSIF p.kind = 'hold' THEN
            SELECT * INTO STRICT t FROM ledger.holds h WHERE h.posting_id = p.id;
            PERFORM book.replay(
                v_base, t.debit_account, t.credit_account, t.amount, 0, t.amount, 2,
                book.micros(t.expires_at::text), t.code, v_key, 0, 1);
            INSERT INTO moved_holds VALUES (t.id, v_base);
            IF t.open THEN
                INSERT INTO book.open_holds VALUES (v_base, t.debit_account, t.credit_account, t.amount,
                    book.code_id(t.code), book.micros(t.expires_at::text));
            END IF;
        ELSE
            SELECT h.*, e.outcome, e.captured, m.new INTO STRICT t FROM ledger.hold_ends e
              JOIN ledger.holds h ON h.id = e.hold_id JOIN moved_holds m ON m.old = e.hold_id
             WHERE e.posting_id = p.id;
            PERFORM book.replay(
                v_base, t.debit_account, t.credit_account,
                CASE t.outcome WHEN 'captured' THEN t.captured ELSE t.amount END, t.captured, -t.amount,
                CASE WHEN t.outcome = 'released' THEN 6 WHEN t.outcome = 'expired' THEN 7
                     WHEN t.captured = t.amount THEN 5 ELSE 4 END,
                t.new, t.code,
                CASE t.outcome WHEN 'expired' THEN book.digest('book:expire:' || t.new) ELSE v_key END, 0, 1);
        END IF;
    END LOOP;

    SELECT format('account %s has %s and holds %s, not %s and %s', a.id, b.posted, b.held, a.posted, a.held)
      INTO v_wrong FROM ledger.accounts a JOIN book.balances b ON b.account = a.id
     WHERE (a.posted, a.held, a.incoming) <> (b.posted, b.held, b.incoming) LIMIT 1;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the first ledger was not carried over: %', v_wrong;
    END IF;
    UPDATE payments.leg l SET hold_id = m.new FROM moved_holds m WHERE m.old = l.hold_id;
END $$;

DROP FUNCTION book.replay(bigint, bigint, bigint, bigint, bigint, bigint, int, bigint, text, uuid, int, int);
DROP SCHEMA ledger CASCADE;
"""
