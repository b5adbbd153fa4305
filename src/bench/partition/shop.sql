-- A shop with two million orders, everything on them that partitioning has to keep, and people who only see their own.
-- step: roles
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_keeper') THEN
    CREATE ROLE shop_keeper LOGIN; CREATE ROLE shop_member; CREATE ROLE shop_service BYPASSRLS;
    GRANT shop_member, shop_service TO shop_keeper;
  END IF;
END $$;
CREATE SCHEMA shop AUTHORIZATION shop_keeper;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO shop_keeper', current_database()); END $$;
SET SESSION AUTHORIZATION shop_keeper;
GRANT USAGE ON SCHEMA shop TO shop_member, shop_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT ALL ON TABLES TO shop_member, shop_service;
-- step: tables
CREATE FUNCTION shop.me() RETURNS integer LANGUAGE sql STABLE
  AS $$ SELECT nullif(current_setting('shop.user', true), '')::integer $$;
CREATE TABLE shop.people (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE shop.orders (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  person_id integer NOT NULL,
  ordered_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'open',
  cents integer NOT NULL,
  changes integer NOT NULL DEFAULT 0,
  changed_at timestamptz
);
CREATE TABLE shop.payments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id uuid NOT NULL, cents integer NOT NULL, changed_at timestamptz);
CREATE TABLE shop.notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id uuid, body text NOT NULL);
-- One row for each change that a client was told is done.
CREATE TABLE shop.done (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL);
CREATE TABLE shop.journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL);
-- step: rows
INSERT INTO shop.people SELECT n, 'Person ' || n FROM generate_series(1, 10000) n;
INSERT INTO shop.orders (id, person_id, ordered_at, cents)
  SELECT md5(n::text)::uuid, 1 + n % 10000, now() - (:rows - n) * interval '1 year' * 3 / :rows, n % 10000
  FROM generate_series(1, :rows) n;
INSERT INTO shop.payments (order_id, cents) SELECT md5(n::text)::uuid, n % 10000 FROM generate_series(1, :rows, 4) n;
INSERT INTO shop.notes (order_id, body) SELECT md5(n::text)::uuid, 'Note ' || n FROM generate_series(1, :rows, 10) n;
-- step: keys, triggers, policies
CREATE INDEX orders_person_id_ordered_at_idx ON shop.orders (person_id, ordered_at DESC);
CREATE INDEX orders_ordered_at_idx ON shop.orders (ordered_at);
CREATE INDEX payments_order_id_idx ON shop.payments (order_id);
CREATE INDEX notes_order_id_idx ON shop.notes (order_id);
ALTER TABLE shop.orders ADD FOREIGN KEY (person_id) REFERENCES shop.people;
ALTER TABLE shop.payments ADD FOREIGN KEY (order_id) REFERENCES shop.orders ON DELETE CASCADE;
ALTER TABLE shop.notes ADD FOREIGN KEY (order_id) REFERENCES shop.orders ON DELETE SET NULL;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN NEW.changed_at := clock_timestamp(); RETURN NEW; END $$;
CREATE FUNCTION shop.log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  AS $$ BEGIN INSERT INTO shop.journal (what) VALUES (TG_OP); RETURN NULL; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER touch BEFORE UPDATE ON shop.payments FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER log AFTER INSERT OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.log();
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.orders TO shop_member
  USING (person_id = (SELECT shop.me())) WITH CHECK (person_id = (SELECT shop.me()));
CREATE POLICY own ON shop.payments TO shop_member
  USING (EXISTS (SELECT FROM shop.orders o WHERE o.id = payments.order_id AND o.person_id = (SELECT shop.me())));
CREATE VIEW shop.open_orders AS SELECT o.id, o.ordered_at, p.name FROM shop.orders o JOIN shop.people p ON p.id = o.person_id
  WHERE o.state = 'open';
CREATE PUBLICATION shop_orders FOR TABLE shop.orders;
VACUUM ANALYZE;
