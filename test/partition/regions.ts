/** Values of a key with what names and literals have to escape; the last one comes later. */
export const regions = [
  'north',
  'North',
  `it's south`,
  'East & West',
  '"quoted"',
  String.raw`back\slash`,
  '日本',
  ' ',
  'über allen Gipfeln ist Ruh in allen Wipfeln spürest du kaum einen Hauch',
]
export const laterRegion = `$1, %s or {batch}`

/** A list of text in SQL, also where standard_conforming_strings were off. */
const texts = regions.map((each) => `$text$${each}$text$`).join(', ')

/** A table with a key that changes, and everything around it. To be run by its owner, after `CREATE ROLE clerk`. */
export const regionShop = `
  CREATE SCHEMA shop;
  GRANT USAGE ON SCHEMA shop TO clerk;
  CREATE TABLE shop.people (id integer PRIMARY KEY, name text NOT NULL);
  CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, region text COLLATE "C" NOT NULL,
    person integer NOT NULL REFERENCES shop.people, cents integer NOT NULL CHECK (cents > 0), changed timestamptz);
  CREATE INDEX orders_person_idx ON shop.orders (person);
  CREATE TABLE shop.items (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders);
  CREATE TABLE shop.log (what text NOT NULL);
  CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.changed := clock_timestamp(); RETURN NEW; END $$;
  CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN INSERT INTO shop.log VALUES (TG_OP); RETURN NULL; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
  CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note();
  ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY "not the dear ones" ON shop.orders TO clerk USING (cents < 1000) WITH CHECK (cents < 1000);
  GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders TO clerk;
  CREATE VIEW shop.by_region AS
    SELECT o.region, p.name, count(*) AS orders FROM shop.orders o JOIN shop.people p ON p.id = o.person GROUP BY 1, 2;
  CREATE PUBLICATION orders_out FOR TABLE shop.orders;
  INSERT INTO shop.people SELECT n, 'P' || n FROM generate_series(1, 20) n;
  INSERT INTO shop.orders (region, person, cents)
    SELECT (ARRAY[${texts}])[1 + n % ${regions.length}], 1 + n % 20, n FROM generate_series(1, 2000) n;
  INSERT INTO shop.items SELECT n, n FROM generate_series(1, 500) n;
  TRUNCATE shop.log;
  ANALYZE shop.orders`

/** Hashes of all rows, without the copies of the key. */
export const regionChecksums = `
  SELECT (SELECT count(*) || md5(string_agg(o::text, ',' ORDER BY id)) FROM shop.orders o) AS orders,
    (SELECT md5(string_agg((id, order_id)::text, ',' ORDER BY id)) FROM shop.items) AS items`
