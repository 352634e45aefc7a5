"""Tables, triggers and functions of the ledger context.

Every rule of the books is kept here, below any program:

* balances change only through the triggers of ``transfers``, ``holds`` and ``hold_ends``, in the
  same transaction as the rows that explain them, and those rows never change again;
* an account's available balance (posted − held) never falls below its floor (a CHECK);
* both sides of a transfer are in its currency (composite foreign keys);
* a key names one posting for ever; its SHA-256 tells a repetition from another order.

A program calls ``ledger.post``, ``hold``, ``capture``, ``release``, ``expire_holds`` and
``open_account``. Each answers with JSON; an expected failure is a JSON ``fault`` and undoes
only itself, so the caller's transaction goes on.

The group role ``juapesa_app`` may read everything and call those functions, nothing else.
Connect with it (``GRANT juapesa_app TO …``, or ``options=-c role=juapesa_app`` in the URL) and
even a program gone wrong can only book by the rules.
"""

from alembic import op

revision = "0001_ledger"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA ledger;

-- side: 1 debit-normal, -1 credit-normal. floor: lowest available balance, NULL without limit.
CREATE TABLE ledger.kinds (
    kind text PRIMARY KEY,
    side smallint NOT NULL CHECK (side IN (1, -1)),
    floor bigint
);
INSERT INTO ledger.kinds (kind, side, floor) VALUES
    ('wallet', -1, 0), ('float', 1, 0), ('in-transit', -1, NULL), ('fees', -1, NULL),
    ('position', -1, NULL), ('capital', -1, NULL), ('refund-reserve', -1, NULL), ('suspense', -1, NULL),
    ('chain-hub', 1, NULL), ('chain-pool', 1, NULL), ('chain-supply', -1, NULL);

-- posted, held and incoming are minor units in the account's normal direction; held is what open
-- holds would take, incoming what they would bring. The range leaves room so that no sum overflows.
CREATE TABLE ledger.accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL REFERENCES ledger.kinds,
    owner text NOT NULL CHECK (length(owner) <= 80),
    currency text NOT NULL CHECK (length(currency) BETWEEN 3 AND 8),
    side smallint NOT NULL CHECK (side IN (1, -1)),
    floor bigint,
    posted bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    incoming bigint NOT NULL DEFAULT 0,
    sequence bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (kind, owner, currency),
    UNIQUE (id, currency),
    CONSTRAINT accounts_floor CHECK (posted - held >= floor),
    CONSTRAINT accounts_range CHECK (
        posted BETWEEN -1000000000000000000 AND 1000000000000000000
        AND held BETWEEN 0 AND 1000000000000000000
        AND incoming BETWEEN 0 AND 1000000000000000000
    )
) WITH (fillfactor = 60);
CREATE INDEX accounts_owner ON ledger.accounts (owner, kind);

CREATE TABLE ledger.postings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 200),
    kind text NOT NULL CHECK (kind IN ('post', 'hold', 'capture', 'release', 'expire')),
    body_hash bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    booked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.holds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    posting_id bigint NOT NULL UNIQUE REFERENCES ledger.postings,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL CHECK (credit_account <> debit_account),
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000000),
    currency text NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 40),
    effective_at timestamptz,
    expires_at timestamptz NOT NULL,
    open boolean NOT NULL DEFAULT true,
    FOREIGN KEY (debit_account, currency) REFERENCES ledger.accounts (id, currency),
    FOREIGN KEY (credit_account, currency) REFERENCES ledger.accounts (id, currency)
);
CREATE INDEX holds_due ON ledger.holds (expires_at) WHERE open;

CREATE TABLE ledger.hold_ends (
    hold_id bigint PRIMARY KEY REFERENCES ledger.holds,
    posting_id bigint NOT NULL UNIQUE REFERENCES ledger.postings,
    outcome text NOT NULL CHECK (outcome IN ('captured', 'released', 'expired')),
    captured bigint NOT NULL DEFAULT 0,
    CONSTRAINT hold_ends_captured CHECK (captured >= 0 AND (outcome = 'captured') = (captured > 0))
);

-- effective_at NULL: the time of booking. The sequences number an account's entries from 1 without
-- a gap, the balances after are in each account's normal direction.
CREATE TABLE ledger.transfers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    posting_id bigint NOT NULL REFERENCES ledger.postings,
    line smallint NOT NULL,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL CHECK (credit_account <> debit_account),
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000000),
    currency text NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 40),
    hold_id bigint UNIQUE REFERENCES ledger.holds,
    effective_at timestamptz,
    booked_at timestamptz NOT NULL,
    debit_sequence bigint NOT NULL,
    credit_sequence bigint NOT NULL,
    debit_after bigint NOT NULL,
    credit_after bigint NOT NULL,
    UNIQUE (posting_id, line),
    UNIQUE (debit_account, debit_sequence),
    UNIQUE (credit_account, credit_sequence),
    FOREIGN KEY (debit_account, currency) REFERENCES ledger.accounts (id, currency),
    FOREIGN KEY (credit_account, currency) REFERENCES ledger.accounts (id, currency)
);

CREATE VIEW ledger.entries AS
SELECT debit_account AS account_id, debit_sequence AS sequence, 1 AS direction, debit_after AS after,
       credit_account AS other_account_id, id AS transfer_id, posting_id, line, amount, currency, code,
       hold_id, coalesce(effective_at, booked_at) AS effective_at, booked_at
  FROM ledger.transfers
UNION ALL
SELECT credit_account, credit_sequence, -1, credit_after,
       debit_account, id, posting_id, line, amount, currency, code,
       hold_id, coalesce(effective_at, booked_at), booked_at
  FROM ledger.transfers;
"""

# SQLSTATEs of ours: JL001 no such account, JL002 the hold has ended, JL003 key used for another
# order, JL004 no such hold, JL005 a hold cannot give that much, JL009 the books may not be edited.
TRIGGERS = """
CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'JL009';
END $$;

-- Balances are written by other triggers only (depth 2 and more), and nothing else of an account changes.
CREATE FUNCTION ledger.guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.posted <> 0 OR NEW.held <> 0 OR NEW.incoming <> 0 OR NEW.sequence <> 0 THEN
            RAISE EXCEPTION 'an account opens empty' USING ERRCODE = 'JL009';
        END IF;
        SELECT kinds.side, kinds.floor INTO STRICT NEW.side, NEW.floor
          FROM ledger.kinds WHERE kinds.kind = NEW.kind;
    ELSIF pg_trigger_depth() < 2
       OR (NEW.id, NEW.kind, NEW.owner, NEW.currency, NEW.side, NEW.opened_at)
          <> (OLD.id, OLD.kind, OLD.owner, OLD.currency, OLD.side, OLD.opened_at)
       OR NEW.floor IS DISTINCT FROM OLD.floor THEN
        RAISE EXCEPTION 'a balance changes only by booking' USING ERRCODE = 'JL009';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 OR NOT OLD.open OR NEW.open
       OR to_jsonb(NEW) - 'open' <> to_jsonb(OLD) - 'open' THEN
        RAISE EXCEPTION 'a hold changes only by ending' USING ERRCODE = 'JL009';
    END IF;
    RETURN NEW;
END $$;

-- One leg: direction 1 debits, -1 credits.
CREATE FUNCTION ledger.move(
    p_account bigint, p_currency text, p_direction int, p_amount bigint,
    OUT after bigint, OUT sequence bigint
) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger.accounts a
       SET posted = a.posted + a.side * p_direction * p_amount, sequence = a.sequence + 1
     WHERE a.id = p_account AND a.currency = p_currency
    RETURNING a.posted, a.sequence INTO after, sequence;
    IF after IS NULL THEN
        RAISE EXCEPTION 'no account % in %', p_account, p_currency USING ERRCODE = 'JL001';
    END IF;
END $$;

-- p_sign 1 reserves, -1 gives back; lower id first, so that no two callers wait for each other.
CREATE FUNCTION ledger.reserve(p_hold ledger.holds, p_sign int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_leg record;
BEGIN
    FOR v_leg IN
        SELECT * FROM (VALUES (p_hold.debit_account, 1), (p_hold.credit_account, -1)) l (account, direction)
         ORDER BY account
    LOOP
        UPDATE ledger.accounts a
           SET held = held + CASE WHEN side <> v_leg.direction THEN p_sign * p_hold.amount ELSE 0 END,
               incoming = incoming + CASE WHEN side = v_leg.direction THEN p_sign * p_hold.amount ELSE 0 END
         WHERE a.id = v_leg.account AND a.currency = p_hold.currency;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no account % in %', v_leg.account, p_hold.currency USING ERRCODE = 'JL001';
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION ledger.book_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.hold_id IS NOT NULL AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a hold is captured by ending it' USING ERRCODE = 'JL009';
    END IF;
    IF NEW.amount NOT BETWEEN 1 AND 1000000000000000000 OR NEW.debit_account = NEW.credit_account THEN
        RAISE EXCEPTION 'a transfer moves a positive amount between two accounts'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.debit_account < NEW.credit_account THEN
        SELECT * INTO NEW.debit_after, NEW.debit_sequence
          FROM ledger.move(NEW.debit_account, NEW.currency, 1, NEW.amount);
    END IF;
    SELECT * INTO NEW.credit_after, NEW.credit_sequence
      FROM ledger.move(NEW.credit_account, NEW.currency, -1, NEW.amount);
    IF NEW.debit_account > NEW.credit_account THEN
        SELECT * INTO NEW.debit_after, NEW.debit_sequence
          FROM ledger.move(NEW.debit_account, NEW.currency, 1, NEW.amount);
    END IF;
    NEW.booked_at := clock_timestamp();  -- after both rows are locked: times follow sequences
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.book_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger.reserve(NEW, 1);
    RETURN NULL;
END $$;

CREATE FUNCTION ledger.book_hold_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_hold ledger.holds;
BEGIN
    UPDATE ledger.holds SET open = false WHERE id = NEW.hold_id AND open RETURNING * INTO v_hold;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'hold % has ended', NEW.hold_id USING ERRCODE = 'JL002';
    END IF;
    IF NEW.captured > v_hold.amount THEN
        RAISE EXCEPTION 'hold % is smaller than that', NEW.hold_id USING ERRCODE = 'JL005';
    END IF;
    PERFORM ledger.reserve(v_hold, -1);
    IF NEW.outcome = 'captured' THEN
        INSERT INTO ledger.transfers
            (posting_id, line, debit_account, credit_account, amount, currency, code, hold_id, effective_at)
        VALUES (NEW.posting_id, 1, v_hold.debit_account, v_hold.credit_account, NEW.captured,
                v_hold.currency, v_hold.code, v_hold.id, v_hold.effective_at);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON ledger.accounts
    FOR EACH ROW EXECUTE FUNCTION ledger.guard_account();
CREATE TRIGGER guard BEFORE UPDATE ON ledger.holds FOR EACH ROW EXECUTE FUNCTION ledger.guard_hold();
CREATE TRIGGER book BEFORE INSERT ON ledger.transfers FOR EACH ROW EXECUTE FUNCTION ledger.book_transfer();
CREATE TRIGGER book AFTER INSERT ON ledger.holds FOR EACH ROW EXECUTE FUNCTION ledger.book_hold();
CREATE TRIGGER book AFTER INSERT ON ledger.hold_ends FOR EACH ROW EXECUTE FUNCTION ledger.book_hold_end();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.kinds
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE DELETE ON ledger.accounts FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE DELETE ON ledger.holds FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.postings
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.hold_ends
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.transfers
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();

-- ALWAYS: also for a session that calls itself a replica.
DO $$
DECLARE
    v_table text;
    v_trigger record;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['kinds', 'accounts', 'postings', 'holds', 'hold_ends', 'transfers'] LOOP
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON ledger.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse()', v_table);
        FOR v_trigger IN SELECT tgname FROM pg_trigger
                          WHERE tgrelid = format('ledger.%I', v_table)::regclass AND NOT tgisinternal LOOP
            EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER %I', v_table, v_trigger.tgname);
        END LOOP;
    END LOOP;
END $$;
"""

FUNCTIONS = """
CREATE FUNCTION ledger.open_account(p_kind text, p_owner text, p_currency text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_id bigint;
BEGIN
    LOOP
        SELECT id INTO v_id FROM ledger.accounts
         WHERE kind = p_kind AND owner = p_owner AND currency = p_currency;
        EXIT WHEN FOUND;
        INSERT INTO ledger.accounts (kind, owner, currency) VALUES (p_kind, p_owner, p_currency)
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_id;
END $$;

-- The text of a jsonb value is canonical, hence so is this hash.
CREATE FUNCTION ledger.body_hash(p_kind text, p_body jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(convert_to(p_kind || p_body::text, 'UTF8')) $$;

CREATE FUNCTION ledger.iso(p_at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') $$;

-- Take the key. A twin that holds it is waited for; then the same body is a repetition.
CREATE FUNCTION ledger.claim(p_key text, p_kind text, p_body jsonb, OUT posting bigint, OUT fresh boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_hash bytea := ledger.body_hash(p_kind, p_body);
    v_found bytea;
BEGIN
    INSERT INTO ledger.postings (key, kind, body_hash) VALUES (p_key, p_kind, v_hash)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO posting;
    fresh := posting IS NOT NULL;
    IF NOT fresh THEN
        SELECT p.id, p.body_hash INTO STRICT posting, v_found FROM ledger.postings p WHERE p.key = p_key;
        IF v_found <> v_hash THEN
            RAISE EXCEPTION 'the key was used for another order' USING ERRCODE = 'JL003';
        END IF;
    END IF;
END $$;

CREATE FUNCTION ledger.lock_accounts(p_ids bigint[]) RETURNS void LANGUAGE sql AS
$$ SELECT 1 FROM ledger.accounts WHERE id = ANY (p_ids) ORDER BY id FOR NO KEY UPDATE $$;

-- Both accounts of every line exist, in the line's currency.
CREATE FUNCTION ledger.require_accounts(p_lines jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_missing text;
BEGIN
    SELECT format('no account %s in %s', id, unit) INTO v_missing
      FROM (SELECT unnest(ARRAY[(e->>0)::bigint, (e->>1)::bigint]) AS id, e->>3 AS unit
              FROM jsonb_array_elements(p_lines) e) AS named
     WHERE NOT EXISTS (SELECT 1 FROM ledger.accounts a WHERE a.id = named.id AND a.currency = named.unit)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', v_missing USING ERRCODE = 'JL001';
    END IF;
END $$;

-- The stored answer: everything in it is in rows that never change.
CREATE FUNCTION ledger.answer(p_posting bigint, p_fresh boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
    'posting', p.id, 'key', p.key, 'fresh', p_fresh, 'booked_at', ledger.iso(p.booked_at),
    'hold', (SELECT jsonb_build_array(h.id, ledger.iso(h.expires_at))
               FROM ledger.holds h WHERE h.posting_id = p.id),
    'lines', coalesce(
        (SELECT jsonb_agg(jsonb_build_array(t.id, t.debit_account, t.credit_account, t.amount, t.currency,
                                            t.code, t.debit_after, t.credit_after) ORDER BY t.line)
           FROM ledger.transfers t WHERE t.posting_id = p.id), '[]'))
  FROM ledger.postings p WHERE p.id = p_posting
$$;

CREATE FUNCTION ledger.fault(p_state text, p_constraint text, p_message text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('message', p_message, 'fault', CASE
    WHEN p_state = 'JL001' THEN 'unknown-account'
    WHEN p_state = 'JL002' THEN 'hold-ended'
    WHEN p_state = 'JL003' THEN 'key-reused'
    WHEN p_state = 'JL004' THEN 'unknown-hold'
    WHEN p_state = 'JL005' OR p_constraint IN ('accounts_floor', 'accounts_range') THEN 'limit-exceeded'
    ELSE 'not-a-transfer' END)
$$;

-- p_body: an array of [debit account, credit account, amount, currency, code, effective time or null].
CREATE FUNCTION ledger.post(p_key text, p_body jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_claim record;
    v_constraint text;
BEGIN
    v_claim := ledger.claim(p_key, 'post', p_body);
    IF v_claim.fresh THEN
        PERFORM ledger.require_accounts(p_body);
        PERFORM ledger.lock_accounts(ARRAY(
            SELECT unnest(ARRAY[(e->>0)::bigint, (e->>1)::bigint]) FROM jsonb_array_elements(p_body) e));
        INSERT INTO ledger.transfers
            (posting_id, line, debit_account, credit_account, amount, currency, code, effective_at)
        SELECT v_claim.posting, n, (e->>0)::bigint, (e->>1)::bigint, (e->>2)::bigint, e->>3, e->>4,
               (e->>5)::timestamptz
          FROM jsonb_array_elements(p_body) WITH ORDINALITY AS x (e, n) ORDER BY n;
    END IF;
    RETURN ledger.answer(v_claim.posting, v_claim.fresh);
EXCEPTION
    WHEN check_violation OR SQLSTATE 'JL001' OR SQLSTATE 'JL003' THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        RETURN ledger.fault(SQLSTATE, v_constraint, SQLERRM);
END $$;

-- p_body: one line as in post. The expiry is not part of the order: of two twins the first one's stands.
CREATE FUNCTION ledger.hold(p_key text, p_body jsonb, p_expires_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_claim record;
    v_constraint text;
BEGIN
    v_claim := ledger.claim(p_key, 'hold', p_body);
    IF v_claim.fresh THEN
        PERFORM ledger.require_accounts(jsonb_build_array(p_body));
        INSERT INTO ledger.holds
            (posting_id, debit_account, credit_account, amount, currency, code, effective_at, expires_at)
        VALUES (v_claim.posting, (p_body->>0)::bigint, (p_body->>1)::bigint, (p_body->>2)::bigint,
                p_body->>3, p_body->>4, (p_body->>5)::timestamptz, p_expires_at);
    END IF;
    RETURN ledger.answer(v_claim.posting, v_claim.fresh);
EXCEPTION
    WHEN check_violation OR SQLSTATE 'JL001' OR SQLSTATE 'JL003' THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        RETURN ledger.fault(SQLSTATE, v_constraint, SQLERRM);
END $$;

-- p_kind: capture (p_amount NULL: all of it) or release.
CREATE FUNCTION ledger.end_hold(p_kind text, p_key text, p_hold bigint, p_amount bigint) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    v_claim record;
    v_hold ledger.holds;
    v_constraint text;
BEGIN
    SELECT * INTO v_hold FROM ledger.holds WHERE id = p_hold;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no hold %', p_hold USING ERRCODE = 'JL004';
    END IF;
    v_claim := ledger.claim(p_key, p_kind, jsonb_build_array(
        p_hold, CASE p_kind WHEN 'capture' THEN coalesce(p_amount, v_hold.amount) ELSE 0 END));
    IF v_claim.fresh THEN
        PERFORM ledger.lock_accounts(ARRAY[v_hold.debit_account, v_hold.credit_account]);
        IF EXISTS (SELECT 1 FROM ledger.hold_ends WHERE hold_id = p_hold) THEN
            RAISE EXCEPTION 'hold % has ended', p_hold USING ERRCODE = 'JL002';
        END IF;
        INSERT INTO ledger.hold_ends (hold_id, posting_id, outcome, captured)
        VALUES (p_hold, v_claim.posting,
                CASE p_kind WHEN 'capture' THEN 'captured' ELSE 'released' END,
                CASE p_kind WHEN 'capture' THEN coalesce(p_amount, v_hold.amount) ELSE 0 END);
    END IF;
    RETURN ledger.answer(v_claim.posting, v_claim.fresh);
EXCEPTION
    WHEN check_violation OR SQLSTATE 'JL001' OR SQLSTATE 'JL002' OR SQLSTATE 'JL003'
         OR SQLSTATE 'JL004' OR SQLSTATE 'JL005' THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        RETURN ledger.fault(SQLSTATE, v_constraint, SQLERRM);
END $$;

CREATE FUNCTION ledger.capture(p_key text, p_hold bigint, p_amount bigint) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT ledger.end_hold('capture', p_key, p_hold, p_amount) $$;

CREATE FUNCTION ledger.release(p_key text, p_hold bigint) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT ledger.end_hold('release', p_key, p_hold, NULL) $$;

-- Ends what is due, oldest first; the number that ended. All accounts are locked first, in order.
CREATE FUNCTION ledger.expire_holds(p_now timestamptz, p_limit int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_due bigint[];
    v_hold bigint;
    v_count int := 0;
    v_claim record;
BEGIN
    v_due := ARRAY(SELECT id FROM ledger.holds WHERE open AND expires_at <= p_now
                   ORDER BY expires_at, id LIMIT p_limit);
    PERFORM ledger.lock_accounts(ARRAY(
        SELECT unnest(ARRAY[debit_account, credit_account]) FROM ledger.holds WHERE id = ANY (v_due)));
    FOR v_hold IN SELECT id FROM ledger.holds WHERE id = ANY (v_due) AND open ORDER BY id LOOP
        v_claim := ledger.claim('ledger.expire:' || v_hold, 'expire', jsonb_build_array(v_hold, 0));
        INSERT INTO ledger.hold_ends (hold_id, posting_id, outcome)
        VALUES (v_hold, v_claim.posting, 'expired');
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;
"""

# Roles belong to the whole server: another database may have made it already, and a hosted
# PostgreSQL may not let us; the triggers above protect the books without it.
ROLE = """
DO $$
BEGIN
    CREATE ROLE juapesa_app NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'juapesa_app') THEN
        GRANT USAGE ON SCHEMA ledger TO juapesa_app;
        GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO juapesa_app;
        GRANT EXECUTE ON FUNCTION ledger.open_account, ledger.post, ledger.hold, ledger.capture,
            ledger.release, ledger.expire_holds, ledger.body_hash, ledger.iso TO juapesa_app;
    END IF;
END $$;
"""


def upgrade() -> None:
    for part in (TABLES, TRIGGERS, FUNCTIONS, ROLE):
        # Through the driver: SQLAlchemy would read ":=" and "%" as its own.
        op.get_bind().exec_driver_sql(part.replace("%", "%%"))


def downgrade() -> None:
    op.execute("DROP SCHEMA ledger CASCADE")
