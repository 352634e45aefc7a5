"""One ledger: everything books through ``book.apply_all``; the first ledger's history moves over.

What changes in the schema ``book``:

* ids made by the functions are contiguous within a group (milliseconds, 13 bits of a serial, 7 bits for
  the line), follow a logical clock (a clock that steps back delays nobody), and lie above
  ``book.bound``. A sealer raises the bound, waits for those who booked before it did, and may then
  seal everything up to it, while others go on booking;
* booking takes one look and one update per account, in place of a function for each step;
* ``apply_all`` books several orders or none, with all their accounts locked first and in order;
* ``statement`` walks back along an account's list.

The schema ``ledger`` is replayed row by row, with its times, keys, holds and expiries, then dropped.
Both the sums and what is held are compared before that; a difference stops the migration.
"""

from alembic import op

from juapesa.db.migrations.replay_0040 import CODES, REPLAY

revision = "0040_one_ledger"
down_revision = "0035_statements"
branch_labels = None
depends_on = None

TABLES = """
-- Rows up to its value are sealed, or are about to be: nobody may book at or below it. A sequence,
-- because its value is the same for every transaction, whatever snapshot that looks at.
CREATE SEQUENCE book.bound MINVALUE 0 START WITH 0;
CREATE INDEX open_holds_debit ON book.open_holds (debit);
"""

BOOKING = """
DROP FUNCTION book.write(bigint, bigint, bigint, bigint, bigint, int, bigint, smallint, uuid, int, int);
DROP FUNCTION book.touch(bigint, int, bigint, bigint, bigint);
DROP FUNCTION book.use_hold(jsonb, uuid);
DROP FUNCTION book.reverse(jsonb, uuid);
DROP FUNCTION book.book_order(jsonb, uuid);
DROP FUNCTION book.lock_for(jsonb);

-- An id for a row, or for the first of up to 128: above p_above, in this millisecond if that can be.
CREATE FUNCTION book.next_id(p_above bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_now bigint := floor(date_part('epoch', clock_timestamp() - timestamptz '2026-01-01 00:00Z') * 1000);
    v_id bigint := (greatest(v_now, p_above >> 20) << 20) + ((nextval('book.serial') & 8191) << 7);
BEGIN
    RETURN CASE WHEN v_id > p_above THEN v_id ELSE v_id + 1048576 END;
END $$;

-- Book one row on locked accounts. p_moves changes what is posted; p_reserves, signed, what is set aside.
CREATE FUNCTION book.write(
    p_id bigint, p_debit bigint, p_credit bigint, p_amount bigint, p_moves bigint, p_reserves bigint,
    p_kind int, p_detail bigint, p_code text, p_key uuid, p_line int, p_lines int
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    d record;
    c record;
BEGIN
    SELECT b.posted, b.held, b.incoming, b.entries, b.last_id, a.side, a.floor, a.ceiling, a.currency
      INTO STRICT d FROM book.balances b JOIN book.accounts a ON a.id = b.account WHERE b.account = p_debit;
    SELECT b.posted, b.held, b.incoming, b.entries, b.last_id, a.side, a.floor, a.ceiling
      INTO STRICT c FROM book.balances b JOIN book.accounts a ON a.id = b.account WHERE b.account = p_credit;
    d.posted := d.posted + d.side * p_moves;
    c.posted := c.posted - c.side * p_moves;
    IF d.side = 1 THEN d.incoming := d.incoming + p_reserves; ELSE d.held := d.held + p_reserves; END IF;
    IF c.side = 1 THEN c.held := c.held + p_reserves; ELSE c.incoming := c.incoming + p_reserves; END IF;
    IF d.posted - d.held < d.floor OR d.posted + d.incoming > d.ceiling
       OR c.posted - c.held < c.floor OR c.posted + c.incoming > c.ceiling THEN
        PERFORM book.fail('limit-exceeded');
    END IF;
    UPDATE book.balances SET posted = d.posted, held = d.held, incoming = d.incoming,
                             entries = d.entries + 1, last_id = p_id WHERE account = p_debit;
    UPDATE book.balances SET posted = c.posted, held = c.held, incoming = c.incoming,
                             entries = c.entries + 1, last_id = p_id WHERE account = p_credit;
    IF d.entries & 63 = 63 THEN
        INSERT INTO book.checkpoints VALUES (p_debit, p_id, d.posted);
    END IF;
    IF c.entries & 63 = 63 THEN
        INSERT INTO book.checkpoints VALUES (p_credit, p_id, c.posted);
    END IF;
    INSERT INTO book.transfers VALUES (p_id, p_debit, p_credit, p_amount, d.posted, c.posted,
        d.last_id, c.last_id, p_detail, p_key, p_kind, book.code_id(p_code), p_line, p_lines);
    RETURN jsonb_build_object('id', p_id, 'debit', p_debit, 'credit', p_credit, 'amount', p_amount,
        'currency', d.currency, 'code', p_code, 'debit_after', d.posted, 'credit_after', c.posted);
END $$;

CREATE OR REPLACE FUNCTION book.check_line(p_line jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_debit bigint := (p_line->>'debit')::bigint;
    v_credit bigint := (p_line->>'credit')::bigint;
    v_unit text := p_line->>'currency';
    v_code text := p_line->>'code';
BEGIN
    IF v_debit = v_credit OR (p_line->>'amount')::numeric NOT BETWEEN 1 AND 1000000000000000000
       OR coalesce(length(v_code), 0) NOT BETWEEN 1 AND 40 OR v_code ~ '[[:cntrl:]]' THEN
        PERFORM book.fail('not-a-transfer');
    END IF;
    PERFORM 1 FROM book.accounts WHERE id = v_debit AND currency = v_unit;
    IF FOUND THEN
        PERFORM 1 FROM book.accounts WHERE id = v_credit AND currency = v_unit;
    END IF;
    IF NOT FOUND THEN
        PERFORM book.fail('unknown-account');
    END IF;
END $$;

CREATE FUNCTION book.post_lines(p_lines jsonb, p_key uuid, p_floor bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_count int := jsonb_array_length(p_lines);
    v_made jsonb := '[]';
    v_id bigint := book.next_id(p_floor);
    l jsonb;
BEGIN
    FOR v_place IN 0 .. v_count - 1 LOOP
        PERFORM book.check_line(p_lines->v_place);
    END LOOP;
    FOR v_place IN 0 .. v_count - 1 LOOP
        l := p_lines->v_place;
        v_made := v_made || book.write(
            v_id + v_place, (l->>'debit')::bigint, (l->>'credit')::bigint, (l->>'amount')::bigint,
            (l->>'amount')::bigint, 0, 1,
            CASE WHEN l->>'effective_at' IS NULL THEN 0 ELSE book.micros(l->>'effective_at') END, l->>'code',
            CASE WHEN v_place = 0 THEN p_key ELSE book.line_key(p_key, v_place) END, v_place, v_count);
    END LOOP;
    RETURN v_made;
END $$;

CREATE FUNCTION book.place_hold(p_order jsonb, p_key uuid, p_floor bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_debit bigint := (p_order->>'debit')::bigint;
    v_credit bigint := (p_order->>'credit')::bigint;
    v_expires bigint := book.micros(p_order->>'expires_at');
    v_amount bigint;
    v_made jsonb;
BEGIN
    PERFORM book.check_line(p_order);
    v_amount := (p_order->>'amount')::bigint;
    v_made := book.write(
        book.next_id(p_floor), v_debit, v_credit, v_amount, 0, v_amount,
        2, v_expires, p_order->>'code', p_key, 0, 1);
    INSERT INTO book.open_holds VALUES ((v_made->>'id')::bigint, v_debit, v_credit, v_amount,
                                        book.code_id(p_order->>'code'), v_expires);
    RETURN jsonb_build_array(v_made);
END $$;

-- End a part of a hold, or all of it: captured, released or expired.
CREATE FUNCTION book.use_hold(p_order jsonb, p_key uuid, p_floor bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    h book.open_holds;
    v_kind int := book.kind_of(p_order);
    v_part numeric;
    v_freed bigint;
BEGIN
    SELECT * INTO h FROM book.open_holds WHERE id = (p_order->>'hold')::bigint FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM book.fail(CASE WHEN EXISTS (
            SELECT 1 FROM book.transfers WHERE id = (p_order->>'hold')::bigint AND kind = 2
        ) THEN 'hold-ended' ELSE 'unknown-hold' END);
    END IF;
    v_part := coalesce((p_order->>'amount')::numeric, h.amount);
    IF v_part <= 0 THEN
        PERFORM book.fail('not-a-transfer');
    ELSIF v_part > h.amount THEN
        PERFORM book.fail('limit-exceeded');
    END IF;
    v_freed := CASE WHEN v_kind = 3 THEN v_part ELSE h.amount END;
    IF v_freed = h.amount THEN
        DELETE FROM book.open_holds WHERE id = h.id;
    ELSE
        UPDATE book.open_holds SET amount = amount - v_freed WHERE id = h.id;
    END IF;
    RETURN jsonb_build_array(book.write(
        book.next_id(p_floor), h.debit, h.credit, v_part::bigint,
        CASE WHEN v_kind IN (6, 7) THEN 0 ELSE v_part::bigint END, -v_freed, v_kind, h.id,
        (SELECT code FROM book.codes WHERE id = h.code), p_key, 0, 1));
END $$;

CREATE FUNCTION book.reverse(p_order jsonb, p_key uuid, p_floor bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    t book.transfers;
    v_made jsonb;
BEGIN
    SELECT * INTO t FROM book.transfers
     WHERE id = (p_order->>'transfer')::bigint AND kind NOT IN (2, 6, 7);
    IF NOT FOUND THEN
        PERFORM book.fail('unknown-transfer');
    ELSIF EXISTS (SELECT 1 FROM book.reversals WHERE original = t.id) THEN
        PERFORM book.fail('already-reversed');
    END IF;
    v_made := book.write(
        book.next_id(p_floor), t.credit, t.debit, t.amount, t.amount, 0,
        8, t.id, coalesce(p_order->>'code', 'reversal'), p_key, 0, 1);
    INSERT INTO book.reversals VALUES (t.id, (v_made->>'id')::bigint);
    RETURN jsonb_build_array(v_made);
END $$;

-- Lock what the orders are about, keys before accounts, lower ones first: no two calls wait for each
-- other in a circle. The newest row of any of the accounts.
CREATE FUNCTION book.lock_all(p_orders jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    o jsonb;
    l jsonb;
    v_keys bigint[] := '{}';
    v_accounts bigint[] := '{}';
    v_each bigint;
    v_debit bigint;
    v_credit bigint;
BEGIN
    FOR v_place IN 0 .. jsonb_array_length(p_orders) - 1 LOOP
        o := p_orders->v_place;
        v_keys := v_keys || hashtextextended(o->>'key', 0);
        IF o ? 'lines' THEN
            FOR v_line IN 0 .. jsonb_array_length(o->'lines') - 1 LOOP
                l := o->'lines'->v_line;
                v_accounts := v_accounts || (l->>'debit')::bigint || (l->>'credit')::bigint;
            END LOOP;
        ELSIF o ? 'debit' THEN
            v_accounts := v_accounts || (o->>'debit')::bigint || (o->>'credit')::bigint;
        ELSE
            SELECT t.debit, t.credit INTO v_debit, v_credit FROM book.transfers t
             WHERE t.id = coalesce(o->>'hold', o->>'transfer')::bigint;
            IF FOUND THEN
                v_accounts := v_accounts || v_debit || v_credit;
            END IF;
        END IF;
    END LOOP;
    IF cardinality(v_keys) = 1 THEN
        PERFORM pg_advisory_xact_lock(v_keys[1]);
    ELSE
        FOR v_each IN SELECT DISTINCT k FROM unnest(v_keys) k ORDER BY k LOOP
            PERFORM pg_advisory_xact_lock(v_each);
        END LOOP;
    END IF;
    RETURN (SELECT max(locked.last_id) FROM (
        SELECT b.last_id FROM book.balances b WHERE b.account = ANY (v_accounts)
         ORDER BY b.account FOR NO KEY UPDATE) locked);
END $$;

-- Fence, months and locks; the id that everything new must be above.
CREATE FUNCTION book.ready_for(p_orders jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_newest bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(789, 4) THEN
        RAISE EXCEPTION 'an engine holds the books' USING ERRCODE = 'JL010';
    END IF;
    IF to_regclass('book.transfers_' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM')) IS NULL THEN
        PERFORM book.ensure_months(clock_timestamp(), 1);
    END IF;
    v_newest := book.lock_all(p_orders);
    RETURN greatest(
        v_newest,
        (SELECT last_value FROM book.bound),
        (SELECT last_id FROM book.batches ORDER BY number DESC LIMIT 1));
END $$;

-- Book one order on locked accounts, or give the answer of its first time. Fails with JL100.
CREATE FUNCTION book.answer(p_order jsonb, p_floor bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_key uuid := book.digest(p_order->>'key');
    v_lines int;
    v_keys uuid[];
    v_rows book.transfers[];
BEGIN
    IF length(p_order->>'key') NOT BETWEEN 1 AND 200
       OR (starts_with(p_order->>'key', 'book:') AND p_order->>'do' <> 'expire') THEN
        PERFORM book.fail('not-a-transfer');
    END IF;
    SELECT lines INTO v_lines FROM book.transfers WHERE key = v_key;
    IF v_lines IS NULL THEN
        RETURN jsonb_build_object('ok', true, 'repeated', false, 'rows', CASE p_order->>'do'
            WHEN 'post' THEN book.post_lines(p_order->'lines', v_key, p_floor)
            WHEN 'hold' THEN book.place_hold(p_order, v_key, p_floor)
            WHEN 'reverse' THEN book.reverse(p_order, v_key, p_floor)
            ELSE book.use_hold(p_order, v_key, p_floor) END);
    END IF;
    v_keys := ARRAY(SELECT book.line_key(v_key, n) FROM generate_series(0, v_lines - 1) n);
    SELECT array_agg(t ORDER BY t.line) INTO v_rows FROM book.transfers t WHERE t.key = ANY (v_keys);
    IF NOT book.same(p_order, v_rows) THEN
        PERFORM book.fail('key-reused');
    END IF;
    RETURN jsonb_build_object('ok', true, 'repeated', true, 'rows', (
        SELECT jsonb_agg(jsonb_build_object('id', r.id, 'debit', r.debit, 'credit', r.credit,
                   'amount', r.amount, 'currency', a.currency, 'code', c.code,
                   'debit_after', r.debit_after, 'credit_after', r.credit_after) ORDER BY r.line)
          FROM unnest(v_rows) r JOIN book.codes c ON c.id = r.code JOIN book.accounts a ON a.id = r.debit));
END $$;

-- Book orders as the wire has them (a JSON array); an answer for each, in order. One that is refused
-- does not disturb the others.
CREATE OR REPLACE FUNCTION book.apply(p_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_floor bigint := book.ready_for(p_orders);
    v_order jsonb;
    v_answers jsonb := '[]';
    v_answer jsonb;
BEGIN
    FOR v_order IN SELECT * FROM jsonb_array_elements(p_orders) LOOP
        BEGIN
            v_answer := book.answer(v_order, v_floor);
            v_floor := greatest(v_floor, (v_answer->'rows'->-1->>'id')::bigint);
        EXCEPTION WHEN SQLSTATE 'JL100' THEN
            v_answer := jsonb_build_object('ok', false, 'slug', SQLERRM);
        END;
        v_answers := v_answers || v_answer;
    END LOOP;
    RETURN v_answers;
END $$;

-- As apply, but all orders or none: an array of answers, or the refusal of the first that is refused.
CREATE FUNCTION book.apply_all(p_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_floor bigint := book.ready_for(p_orders);
    v_answer jsonb;
    v_answers jsonb := '[]';
BEGIN
    FOR v_place IN 0 .. jsonb_array_length(p_orders) - 1 LOOP
        v_answer := book.answer(p_orders->v_place, v_floor);
        v_floor := greatest(v_floor, (v_answer->'rows'->-1->>'id')::bigint);
        v_answers := v_answers || v_answer;
    END LOOP;
    RETURN v_answers;
EXCEPTION WHEN SQLSTATE 'JL100' THEN
    RETURN jsonb_build_object('ok', false, 'slug', SQLERRM, 'place', jsonb_array_length(v_answers));
END $$;
"""

READING = """
-- An account's entries, newest first, before one of its rows (NULL: the newest). Archived: JL011.
CREATE FUNCTION book.statement(p_account bigint, p_before bigint, p_limit int)
RETURNS TABLE (id bigint, change bigint, after bigint, code text, other_account bigint, kind smallint,
               booked_at timestamptz, effective_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t book.transfers;
    v_next bigint := p_before;
    v_left int := p_limit;
    v_side int;
    v_debited boolean;
    v_show boolean := p_before IS NULL;
BEGIN
    SELECT a.side, coalesce(v_next, b.last_id) INTO v_side, v_next
      FROM book.accounts a JOIN book.balances b ON b.account = a.id WHERE a.id = p_account;
    WHILE v_left > 0 AND coalesce(v_next, 0) > 0 LOOP
        SELECT * INTO t FROM book.transfers x WHERE x.id = v_next;
        IF NOT FOUND AND v_show THEN
            RAISE EXCEPTION 'row % is archived; restore its month', v_next USING ERRCODE = 'JL011';
        END IF;
        EXIT WHEN NOT FOUND OR p_account NOT IN (t.debit, t.credit);
        v_debited := t.debit = p_account;
        v_next := CASE WHEN v_debited THEN t.debit_before ELSE t.credit_before END;
        IF v_show AND t.kind NOT IN (2, 6, 7) THEN
            id := t.id;
            change := v_side * t.amount * CASE WHEN v_debited THEN 1 ELSE -1 END;
            after := CASE WHEN v_debited THEN t.debit_after ELSE t.credit_after END;
            code := (SELECT k.code FROM book.codes k WHERE k.id = t.code);
            other_account := CASE WHEN v_debited THEN t.credit ELSE t.debit END;
            kind := t.kind;
            booked_at := timestamptz '2026-01-01 00:00Z' + (t.id >> 20) * interval '1 ms';
            effective_at := CASE WHEN t.kind = 1 AND t.detail > 0 THEN to_timestamp(t.detail / 1e6)
                                 ELSE booked_at END;
            RETURN NEXT;
            v_left := v_left - 1;
        END IF;
        v_show := true;
    END LOOP;
END $$;

-- For the one sealer: from now on nobody books at or below this id. Who was booking already may.
CREATE FUNCTION book.raise_bound() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT setval('book.bound', greatest(last_value, book.first_id_at(clock_timestamp()))) FROM book.bound
$$;
"""

ROLES = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA book FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        GRANT EXECUTE ON FUNCTION book.apply_all, book.statement TO juapesa_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_writer') THEN
        GRANT EXECUTE ON FUNCTION book.raise_bound TO juapesa_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    for part in (TABLES, BOOKING, READING, CODES, REPLAY, ROLES):
        # Through the driver: SQLAlchemy would read ":=" and "%" as its own.
        op.get_bind().exec_driver_sql(part.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back: what was booked since has no place in the first ledger's tables."""
    raise RuntimeError("The first ledger is gone; restore the database from before the upgrade.")
