"""Tables and functions of the ledger engine: the schema ``book``.

One row of ``book.transfers`` is one booking with both legs and both balances after it; it never
changes. Its id tells the time (milliseconds since 2026 above a counter of 20 bits), so a month is
a range of ids and a partition. ``debit_before`` and ``credit_before`` tie each account's rows into a
list; every 64th is a checkpoint, from which a balance at any instant is at most 64 steps away.

Who writes: one engine under the exclusive fence, or any number of callers of ``book.apply`` under
the shared one, never both. Rows are sealed into ``book.batches`` by the engine, or later by a sealer.

``juapesa_app`` may read and call; ``juapesa_writer`` may also add rows and set balances. Neither
may change or remove a row of the books, and triggers refuse it to everyone else.
"""

from alembic import op

revision = "0010_book"
down_revision = "0007_notifications"
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA book;

CREATE TABLE book.kinds (
    kind text PRIMARY KEY,
    side smallint NOT NULL CHECK (side IN (1, -1)),
    floor bigint NOT NULL
);
INSERT INTO book.kinds (kind, side, floor) VALUES
    ('wallet', -1, 0), ('merchant', -1, 0), ('agent', -1, 0), ('group', -1, 0), ('lp', -1, 0),
    ('escrow', -1, 0), ('promotional', -1, 0), ('float', 1, 0), ('custody', 1, 0),
    ('in-transit', -1, -1000000000000000000), ('fees', -1, -1000000000000000000),
    ('commission', -1, -1000000000000000000), ('position', -1, -1000000000000000000),
    ('capital', -1, -1000000000000000000), ('refund-reserve', -1, -1000000000000000000),
    ('suspense', -1, -1000000000000000000), ('chain-hub', 1, -1000000000000000000),
    ('chain-pool', 1, -1000000000000000000), ('chain-supply', -1, -1000000000000000000);

-- floor bounds posted - held, ceiling posted + incoming; minor units in the normal direction.
CREATE TABLE book.accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL REFERENCES book.kinds,
    owner text NOT NULL CHECK (length(owner) <= 80),
    currency text NOT NULL CHECK (length(currency) BETWEEN 3 AND 8),
    side smallint NOT NULL,
    floor bigint NOT NULL CHECK (floor BETWEEN -1000000000000000000 AND 0),
    ceiling bigint NOT NULL CHECK (ceiling BETWEEN 0 AND 1000000000000000000),
    batch bigint,
    UNIQUE (kind, owner, currency)
);

CREATE TABLE book.balances (
    account bigint PRIMARY KEY REFERENCES book.accounts,
    posted bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    incoming bigint NOT NULL DEFAULT 0 CHECK (incoming >= 0),
    entries bigint NOT NULL DEFAULT 0,
    last_id bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE book.codes (
    id smallint PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (length(code) BETWEEN 1 AND 40),
    batch bigint
);

-- All columns NOT NULL and of fixed length: the image that is hashed has one size.
CREATE TABLE book.transfers (
    id bigint NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    amount bigint NOT NULL,
    debit_after bigint NOT NULL,
    credit_after bigint NOT NULL,
    debit_before bigint NOT NULL,
    credit_before bigint NOT NULL,
    detail bigint NOT NULL,
    key uuid NOT NULL,
    kind smallint NOT NULL,
    code smallint NOT NULL,
    line smallint NOT NULL,
    lines smallint NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);

CREATE TABLE book.batches (
    number bigint PRIMARY KEY,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    leaves integer NOT NULL,
    root bytea NOT NULL,
    chain bytea NOT NULL,
    marks bytea NOT NULL
);
CREATE INDEX batches_last ON book.batches (last_id);

CREATE TABLE book.open_holds (
    id bigint PRIMARY KEY,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    code smallint NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX open_holds_due ON book.open_holds (expires);

CREATE TABLE book.reversals (original bigint PRIMARY KEY, reversal bigint NOT NULL);
CREATE TABLE book.checkpoints (
    account bigint NOT NULL, id bigint NOT NULL, posted bigint NOT NULL, PRIMARY KEY (account, id)
);
-- The books are their own outbox: a reader keeps how far it has read, in order, up to the last batch.
CREATE TABLE book.readers (name text PRIMARY KEY, last_id bigint NOT NULL);
CREATE TABLE book.archives (
    month date PRIMARY KEY, first_id bigint NOT NULL, end_id bigint NOT NULL,
    count bigint NOT NULL, sha256 bytea NOT NULL
);
CREATE SEQUENCE book.serial;

CREATE VIEW book.entries AS
SELECT t.debit AS account, t.id, 1 AS direction, t.amount, t.debit_after AS after, t.debit_before AS before,
       t.credit AS other_account, t.kind, c.code, t.key, book_at.booked_at,
       CASE WHEN t.kind = 1 AND t.detail > 0 THEN to_timestamp(t.detail / 1e6) ELSE book_at.booked_at END
           AS effective_at
  FROM book.transfers t JOIN book.codes c ON c.id = t.code,
       LATERAL (SELECT timestamptz '2026-01-01 00:00Z' + (t.id >> 20) * interval '1 ms' AS booked_at) book_at
 WHERE t.kind NOT IN (2, 6, 7)
UNION ALL
SELECT t.credit, t.id, -1, t.amount, t.credit_after, t.credit_before, t.debit, t.kind, c.code, t.key,
       book_at.booked_at,
       CASE WHEN t.kind = 1 AND t.detail > 0 THEN to_timestamp(t.detail / 1e6) ELSE book_at.booked_at END
  FROM book.transfers t JOIN book.codes c ON c.id = t.code,
       LATERAL (SELECT timestamptz '2026-01-01 00:00Z' + (t.id >> 20) * interval '1 ms' AS booked_at) book_at
 WHERE t.kind NOT IN (2, 6, 7);
"""

GUARDS = """
CREATE FUNCTION book.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'book.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'JL009';
END $$;

-- Of an account or a code only the number of the batch that sealed it is filled in, once.
CREATE FUNCTION book.only_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.batch IS NOT NULL OR to_jsonb(NEW) - 'batch' <> to_jsonb(OLD) - 'batch' THEN
        RAISE EXCEPTION 'book.% is append-only: UPDATE refused', TG_TABLE_NAME USING ERRCODE = 'JL009';
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['transfers', 'batches', 'kinds', 'reversals'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON book.%I '
                       'FOR EACH ROW EXECUTE FUNCTION book.refuse()', v_table);
        EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER append_only', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['accounts', 'codes'] LOOP
        EXECUTE format('CREATE TRIGGER only_sealing BEFORE UPDATE ON book.%I '
                       'FOR EACH ROW EXECUTE FUNCTION book.only_sealing()', v_table);
        EXECUTE format('CREATE TRIGGER append_only BEFORE DELETE ON book.%I '
                       'FOR EACH ROW EXECUTE FUNCTION book.refuse()', v_table);
        EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER only_sealing', v_table);
        EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER append_only', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['transfers', 'batches', 'kinds', 'accounts', 'codes', 'reversals',
                                   'balances'] LOOP
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON book.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION book.refuse()', v_table);
        EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER no_truncate', v_table);
    END LOOP;
END $$;
"""

MONTHS = """
CREATE FUNCTION book.first_id_at(p_at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT greatest(0, floor(
    extract(epoch FROM p_at - timestamptz '2026-01-01 00:00Z') * 1000))::bigint << 20 $$;

-- Make the tables of `p_count` months from the one of p_from on; those that exist stay. How many were made.
CREATE FUNCTION book.ensure_months(p_from timestamptz, p_count int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    v_month timestamptz := date_trunc('month', p_from);
    v_name text;
    v_made int := 0;
BEGIN
    FOR v_step IN 1 .. p_count LOOP
        v_name := 'transfers_' || to_char(v_month, 'YYYY_MM');
        IF to_regclass('book.' || v_name) IS NULL
           AND NOT EXISTS (SELECT 1 FROM book.archives WHERE month = v_month::date) THEN
            EXECUTE format('CREATE TABLE book.%I PARTITION OF book.transfers FOR VALUES FROM (%s) TO (%s)',
                           v_name, book.first_id_at(v_month), book.first_id_at(v_month + interval '1 month'));
            PERFORM book.dress_month(v_name);
            v_made := v_made + 1;
        END IF;
        v_month := v_month + interval '1 month';
    END LOOP;
    RETURN v_made;
END $$;

-- What every month's table has besides its columns.
CREATE FUNCTION book.dress_month(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON book.%I (key)', p_name || '_key', p_name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON book.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION book.refuse()', p_name);
    EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER append_only', p_name);
    EXECUTE format('ALTER TABLE book.%I ENABLE ALWAYS TRIGGER no_truncate', p_name);
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_writer') THEN
        EXECUTE format('GRANT SELECT, INSERT ON book.%I TO juapesa_writer', p_name);
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        EXECUTE format('GRANT SELECT ON book.%I TO juapesa_app', p_name);
    END IF;
END $$;

-- Posted balance at an instant of an archived month: SQLSTATE JL011; restore the month first.
-- The posted balance after the last row that was booked before p_at; 0 when there was none.
-- From the nearest checkpoint at or after that instant, else the newest row, back along the list.
CREATE FUNCTION book.balance_at(p_account bigint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_bound bigint := book.first_id_at(p_at);
    v_id bigint;
    v_after bigint;
    v_before bigint;
BEGIN
    SELECT c.id INTO v_id FROM book.checkpoints c
     WHERE c.account = p_account AND c.id >= v_bound ORDER BY c.id LIMIT 1;
    IF v_id IS NULL THEN
        SELECT b.last_id INTO v_id FROM book.balances b WHERE b.account = p_account;
    END IF;
    LOOP
        IF coalesce(v_id, 0) = 0 THEN
            RETURN 0;
        END IF;
        SELECT CASE WHEN t.debit = p_account THEN t.debit_after ELSE t.credit_after END,
               CASE WHEN t.debit = p_account THEN t.debit_before ELSE t.credit_before END
          INTO v_after, v_before FROM book.transfers t WHERE t.id = v_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'row % is archived; restore its month', v_id USING ERRCODE = 'JL011';
        END IF;
        IF v_id < v_bound THEN
            RETURN v_after;
        END IF;
        v_id := v_before;
    END LOOP;
END $$;
"""

# SQLSTATEs: JL100 an expected failure, its slug is the message; JL009 the books may not be edited;
# JL010 the fence is held by an engine.
APPLY = """
CREATE FUNCTION book.open_account(
    p_kind text, p_owner text, p_currency text, p_floor bigint DEFAULT NULL, p_ceiling bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    LOOP
        SELECT id INTO v_id FROM book.accounts
         WHERE kind = p_kind AND owner = p_owner AND currency = p_currency;
        EXIT WHEN FOUND;
        INSERT INTO book.accounts (kind, owner, currency, side, floor, ceiling)
        SELECT p_kind, p_owner, p_currency, k.side, coalesce(p_floor, k.floor),
               coalesce(p_ceiling, 1000000000000000000)
          FROM book.kinds k WHERE k.kind = p_kind
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        IF FOUND THEN
            INSERT INTO book.balances (account) VALUES (v_id);
            EXIT;
        END IF;
        IF NOT EXISTS (SELECT 1 FROM book.kinds WHERE kind = p_kind) THEN
            RAISE EXCEPTION 'no kind of account is called %', p_kind USING ERRCODE = 'JL009';
        END IF;
    END LOOP;
    RETURN v_id;
END $$;

CREATE FUNCTION book.fail(p_slug text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', p_slug USING ERRCODE = 'JL100';
END $$;

CREATE FUNCTION book.micros(p_at text) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce((extract(epoch FROM p_at::timestamptz) * 1000000)::bigint, 0) $$;

CREATE FUNCTION book.digest(p_key text) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT encode(substr(sha256(convert_to(p_key, 'UTF8')), 1, 16), 'hex')::uuid $$;

-- The key of a group's line: the order's own plus the line's number, modulo 2^128.
CREATE FUNCTION book.line_key(p_key uuid, p_line int) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_bytes bytea := decode(replace(p_key::text, '-', ''), 'hex');
    v_carry int := p_line;
BEGIN
    FOR v_place IN REVERSE 15 .. 0 LOOP
        EXIT WHEN v_carry = 0;
        v_carry := v_carry + get_byte(v_bytes, v_place);
        v_bytes := set_byte(v_bytes, v_place, v_carry & 255);
        v_carry := v_carry >> 8;
    END LOOP;
    RETURN encode(v_bytes, 'hex')::uuid;
END $$;

CREATE FUNCTION book.code_id(p_code text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    v_id smallint;
BEGIN
    SELECT id INTO v_id FROM book.codes WHERE code = p_code;
    IF v_id IS NULL THEN
        LOCK TABLE book.codes IN SHARE ROW EXCLUSIVE MODE;
        SELECT id INTO v_id FROM book.codes WHERE code = p_code;
        IF v_id IS NULL THEN
            SELECT count(*) + 1 INTO v_id FROM book.codes;
            IF v_id > 4000 THEN
                PERFORM book.fail('not-a-transfer');
            END IF;
            INSERT INTO book.codes (id, code) VALUES (v_id, p_code);
        END IF;
    END IF;
    RETURN v_id;
END $$;

-- Change one side's balance. p_direction 1 debits; p_moves and p_reserves are amounts, the latter signed.
CREATE FUNCTION book.touch(
    p_account bigint, p_direction int, p_moves bigint, p_reserves bigint, p_id bigint,
    OUT after bigint, OUT before bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_account book.accounts;
    v_old book.balances;
    v_new book.balances;
BEGIN
    SELECT * INTO STRICT v_account FROM book.accounts WHERE id = p_account;
    SELECT * INTO STRICT v_old FROM book.balances WHERE account = p_account;
    UPDATE book.balances b
       SET posted = b.posted + v_account.side * p_direction * p_moves,
           held = b.held + CASE WHEN v_account.side <> p_direction THEN p_reserves ELSE 0 END,
           incoming = b.incoming + CASE WHEN v_account.side = p_direction THEN p_reserves ELSE 0 END,
           entries = b.entries + 1, last_id = p_id
     WHERE b.account = p_account RETURNING * INTO v_new;
    IF v_new.posted - v_new.held < v_account.floor OR v_new.posted + v_new.incoming > v_account.ceiling THEN
        PERFORM book.fail('limit-exceeded');
    END IF;
    IF v_new.entries % 64 = 0 THEN
        INSERT INTO book.checkpoints VALUES (p_account, p_id, v_new.posted);
    END IF;
    after := v_new.posted;
    before := v_old.last_id;
END $$;

-- Book one row. The accounts are locked, so an id above their last ones is in order for both.
CREATE FUNCTION book.write(
    p_debit bigint, p_credit bigint, p_amount bigint, p_moves bigint, p_reserves bigint,
    p_kind int, p_detail bigint, p_code smallint, p_key uuid, p_line int, p_lines int
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_above bigint;
    v_debit record;
    v_credit record;
BEGIN
    SELECT max(last_id) INTO v_above FROM book.balances WHERE account IN (p_debit, p_credit);
    LOOP
        v_id := book.first_id_at(clock_timestamp()) + (nextval('book.serial') & 1048575);
        EXIT WHEN v_id > v_above;
        PERFORM pg_sleep(0.0005);
    END LOOP;
    v_debit := book.touch(p_debit, 1, p_moves, p_reserves, v_id);
    v_credit := book.touch(p_credit, -1, p_moves, p_reserves, v_id);
    INSERT INTO book.transfers VALUES (v_id, p_debit, p_credit, p_amount, v_debit.after, v_credit.after,
        v_debit.before, v_credit.before, p_detail, p_key, p_kind, p_code, p_line, p_lines);
    RETURN jsonb_build_object('id', v_id, 'debit_after', v_debit.after, 'credit_after', v_credit.after);
END $$;

CREATE FUNCTION book.check_line(p_line jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_found int;
BEGIN
    IF (p_line->>'debit') = (p_line->>'credit')
       OR (p_line->>'amount')::numeric NOT BETWEEN 1 AND 1000000000000000000
       OR coalesce(length(p_line->>'code'), 0) NOT BETWEEN 1 AND 40 OR p_line->>'code' ~ '[[:cntrl:]]' THEN
        PERFORM book.fail('not-a-transfer');
    END IF;
    SELECT count(*) INTO v_found FROM book.accounts
     WHERE id IN ((p_line->>'debit')::bigint, (p_line->>'credit')::bigint)
       AND currency = p_line->>'currency';
    IF v_found <> 2 THEN
        PERFORM book.fail('unknown-account');
    END IF;
END $$;

-- Whether the rows that a key names are what the order asks for.
CREATE FUNCTION book.same_line(p_line jsonb, p_row book.transfers, p_detail bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(((p_line->>'debit')::bigint, (p_line->>'credit')::bigint, (p_line->>'amount')::numeric,
            p_line->>'code', p_line->>'currency', p_detail)
         = (p_row.debit, p_row.credit, p_row.amount::numeric,
            (SELECT code FROM book.codes WHERE id = p_row.code),
            (SELECT currency FROM book.accounts WHERE id = p_row.debit), p_row.detail), false)
$$;

CREATE FUNCTION book.kind_of(p_order jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_order->>'do'
        WHEN 'post' THEN 1 WHEN 'hold' THEN 2 WHEN 'release' THEN 6 WHEN 'expire' THEN 7 WHEN 'reverse' THEN 8
        WHEN 'capture' THEN CASE WHEN p_order->>'amount' IS NULL THEN 5
                                 WHEN (p_order->>'last')::boolean THEN 4 ELSE 3 END END
$$;

CREATE FUNCTION book.same(p_order jsonb, p_rows book.transfers[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_first book.transfers := p_rows[1];
    v_do text := p_order->>'do';
BEGIN
    IF book.kind_of(p_order) <> v_first.kind THEN
        RETURN false;
    ELSIF v_do = 'post' THEN
        IF jsonb_array_length(p_order->'lines') <> v_first.lines THEN
            RETURN false;
        END IF;
        FOR v_place IN 1 .. v_first.lines LOOP
            IF NOT book.same_line(p_order->'lines'->(v_place - 1), p_rows[v_place],
                                  book.micros(p_order->'lines'->(v_place - 1)->>'effective_at')) THEN
                RETURN false;
            END IF;
        END LOOP;
        RETURN true;
    ELSIF v_do = 'hold' THEN
        RETURN book.same_line(p_order, v_first, book.micros(p_order->>'expires_at'));
    ELSIF v_do = 'reverse' THEN
        RETURN (p_order->>'transfer')::bigint = v_first.detail AND coalesce(p_order->>'code', 'reversal')
             = (SELECT code FROM book.codes WHERE id = v_first.code);
    END IF;
    RETURN (p_order->>'hold')::bigint = v_first.detail
       AND (v_first.kind <> ALL (ARRAY[3, 4]) OR (p_order->>'amount')::numeric = v_first.amount);
END $$;

-- End a part of a hold, or all: p_part is booked, p_freed given back or booked.
CREATE FUNCTION book.use_hold(p_order jsonb, p_key uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_hold book.open_holds;
    v_kind int := book.kind_of(p_order);
    v_part numeric;
    v_freed bigint;
BEGIN
    SELECT * INTO v_hold FROM book.open_holds WHERE id = (p_order->>'hold')::bigint FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM book.fail(CASE WHEN EXISTS (
            SELECT 1 FROM book.transfers WHERE id = (p_order->>'hold')::bigint AND kind = 2
        ) THEN 'hold-ended' ELSE 'unknown-hold' END);
    END IF;
    v_part := coalesce((p_order->>'amount')::numeric, v_hold.amount);
    IF v_part <= 0 THEN
        PERFORM book.fail('not-a-transfer');
    ELSIF v_part > v_hold.amount THEN
        PERFORM book.fail('limit-exceeded');
    END IF;
    v_freed := CASE WHEN v_kind = 3 THEN v_part ELSE v_hold.amount END;
    IF v_freed = v_hold.amount THEN
        DELETE FROM book.open_holds WHERE id = v_hold.id;
    ELSE
        UPDATE book.open_holds SET amount = amount - v_freed WHERE id = v_hold.id;
    END IF;
    RETURN jsonb_build_array(book.write(
        v_hold.debit, v_hold.credit, v_part::bigint,
        CASE WHEN v_kind IN (6, 7) THEN 0 ELSE v_part::bigint END,
        -v_freed, v_kind, v_hold.id, v_hold.code, p_key, 0, 1));
END $$;

CREATE FUNCTION book.reverse(p_order jsonb, p_key uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_row book.transfers;
    v_made jsonb;
BEGIN
    SELECT * INTO v_row FROM book.transfers
     WHERE id = (p_order->>'transfer')::bigint AND kind NOT IN (2, 6, 7);
    IF NOT FOUND THEN
        PERFORM book.fail('unknown-transfer');
    ELSIF EXISTS (SELECT 1 FROM book.reversals WHERE original = v_row.id) THEN
        PERFORM book.fail('already-reversed');
    END IF;
    v_made := book.write(v_row.credit, v_row.debit, v_row.amount, v_row.amount, 0, 8, v_row.id,
                         book.code_id(coalesce(p_order->>'code', 'reversal')), p_key, 0, 1);
    INSERT INTO book.reversals VALUES (v_row.id, (v_made->>'id')::bigint);
    RETURN jsonb_build_array(v_made);
END $$;

CREATE FUNCTION book.book_order(p_order jsonb, p_key uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_line jsonb;
    v_made jsonb := '[]';
    v_place int := 0;
BEGIN
    IF p_order->>'do' = 'post' THEN
        FOR v_line IN SELECT * FROM jsonb_array_elements(p_order->'lines') LOOP
            PERFORM book.check_line(v_line);
        END LOOP;
        FOR v_line IN SELECT * FROM jsonb_array_elements(p_order->'lines') LOOP
            v_made := v_made || book.write(
                (v_line->>'debit')::bigint, (v_line->>'credit')::bigint, (v_line->>'amount')::bigint,
                (v_line->>'amount')::bigint, 0, 1, book.micros(v_line->>'effective_at'),
                book.code_id(v_line->>'code'), book.line_key(p_key, v_place), v_place,
                jsonb_array_length(p_order->'lines'));
            v_place := v_place + 1;
        END LOOP;
        RETURN v_made;
    ELSIF p_order->>'do' = 'hold' THEN
        PERFORM book.check_line(p_order);
        v_made := book.write(
            (p_order->>'debit')::bigint, (p_order->>'credit')::bigint, (p_order->>'amount')::bigint, 0,
            (p_order->>'amount')::bigint, 2, book.micros(p_order->>'expires_at'),
            book.code_id(p_order->>'code'), p_key, 0, 1);
        INSERT INTO book.open_holds
        SELECT t.id, t.debit, t.credit, t.amount, t.code, t.detail
          FROM book.transfers t WHERE t.id = (v_made->>'id')::bigint;
        RETURN jsonb_build_array(v_made);
    ELSIF p_order->>'do' = 'reverse' THEN
        RETURN book.reverse(p_order, p_key);
    END IF;
    RETURN book.use_hold(p_order, p_key);
END $$;

-- Lower ids first, keys before accounts: no two calls wait for each other in a circle.
CREATE FUNCTION book.lock_for(p_orders jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_key bigint;
BEGIN
    FOR v_key IN
        SELECT DISTINCT hashtextextended(o->>'key', 0) FROM jsonb_array_elements(p_orders) o ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(v_key);
    END LOOP;
    PERFORM 1 FROM book.balances WHERE account IN (
        SELECT (l->>side)::bigint FROM jsonb_array_elements(p_orders) o,
               jsonb_array_elements(coalesce(o->'lines', jsonb_build_array(o))) l,
               (VALUES ('debit'), ('credit')) s (side)
        UNION
        SELECT unnest(ARRAY[t.debit, t.credit]) FROM jsonb_array_elements(p_orders) o
          JOIN book.transfers t ON t.id = coalesce(o->>'hold', o->>'transfer')::bigint
    ) ORDER BY account FOR UPDATE;
END $$;

-- Book orders as the wire has them (a JSON array); an answer for each, in order. One that is refused
-- does not disturb the others.
CREATE FUNCTION book.apply(p_orders jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_order jsonb;
    v_key uuid;
    v_rows book.transfers[];
    v_answers jsonb := '[]';
    v_answer jsonb;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(789, 4) THEN
        RAISE EXCEPTION 'an engine holds the books' USING ERRCODE = 'JL010';
    END IF;
    PERFORM book.ensure_months(clock_timestamp(), 1);
    PERFORM book.lock_for(p_orders);
    FOR v_order IN SELECT * FROM jsonb_array_elements(p_orders) LOOP
        BEGIN
            IF length(v_order->>'key') NOT BETWEEN 1 AND 200
               OR (starts_with(v_order->>'key', 'book:') AND v_order->>'do' <> 'expire') THEN
                PERFORM book.fail('not-a-transfer');
            END IF;
            v_key := book.digest(v_order->>'key');
            SELECT array_agg(t ORDER BY t.line) INTO v_rows FROM book.transfers t
             WHERE t.key = ANY (SELECT book.line_key(v_key, n) FROM generate_series(
                0, coalesce((SELECT f.lines FROM book.transfers f WHERE f.key = v_key) - 1, -1)) n);
            IF v_rows IS NULL THEN
                v_answer := jsonb_build_object('ok', true, 'repeated', false,
                                               'rows', book.book_order(v_order, v_key));
            ELSIF book.same(v_order, v_rows) THEN
                v_answer := jsonb_build_object('ok', true, 'repeated', true, 'rows', (
                    SELECT jsonb_agg(jsonb_build_object('id', r.id, 'debit_after', r.debit_after,
                                                        'credit_after', r.credit_after) ORDER BY r.line)
                      FROM unnest(v_rows) r));
            ELSE
                PERFORM book.fail('key-reused');
            END IF;
        EXCEPTION WHEN SQLSTATE 'JL100' THEN
            v_answer := jsonb_build_object('ok', false, 'slug', SQLERRM);
        END;
        v_answers := v_answers || v_answer;
    END LOOP;
    RETURN v_answers;
END $$;

-- End at most p_limit holds whose time had come at p_now; how many.
CREATE FUNCTION book.expire(p_now timestamptz, p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_orders jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('do', 'expire', 'key', 'book:expire:' || id, 'hold', id))
      INTO v_orders FROM (
        SELECT id FROM book.open_holds WHERE expires <= book.micros(p_now::text)
         ORDER BY id LIMIT p_limit) due;
    IF v_orders IS NULL THEN
        RETURN 0;
    END IF;
    RETURN (SELECT count(*) FROM jsonb_array_elements(book.apply(v_orders)) a WHERE (a->>'ok')::boolean);
END $$;
"""

# Roles belong to the whole server: another database may have made them already, and a hosted
# PostgreSQL may not let us; the triggers protect the books without them.
ROLES = """
DO $$
BEGIN
    CREATE ROLE juapesa_writer NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA book FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        GRANT USAGE ON SCHEMA book TO juapesa_app;
        GRANT SELECT ON ALL TABLES IN SCHEMA book TO juapesa_app;
        GRANT EXECUTE ON FUNCTION book.open_account, book.apply, book.expire, book.balance_at,
            book.first_id_at TO juapesa_app;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_writer') THEN
        GRANT USAGE ON SCHEMA book TO juapesa_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA book TO juapesa_writer;
        GRANT INSERT ON book.transfers, book.batches, book.codes, book.reversals, book.checkpoints,
            book.open_holds TO juapesa_writer;
        GRANT UPDATE (posted, held, incoming, entries, last_id) ON book.balances TO juapesa_writer;
        GRANT UPDATE (batch) ON book.accounts, book.codes TO juapesa_writer;
        GRANT UPDATE (amount), DELETE ON book.open_holds TO juapesa_writer;
        GRANT EXECUTE ON FUNCTION book.open_account, book.ensure_months, book.balance_at,
            book.first_id_at TO juapesa_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    for part in (TABLES, GUARDS, MONTHS, APPLY, ROLES):
        # Through the driver: SQLAlchemy would read ":=" and "%" as its own.
        op.get_bind().exec_driver_sql(part.replace("%", "%%"))


def downgrade() -> None:
    op.execute("DROP SCHEMA book CASCADE")
