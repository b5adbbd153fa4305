-- Tables with a column of each kind that has statistics of its own.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN email AS text CHECK (value ~ '@');
CREATE TABLE orgs (id int PRIMARY KEY, name text);
CREATE TABLE items (
  gone int,
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org int REFERENCES orgs, status text, mood mood, mail email,
  code varchar(20), tags text[], doc jsonb, body text, price numeric(10, 2), made timestamptz, during tstzrange,
  place point, flag bool, member uuid,
  words tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED
);
ALTER TABLE items DROP COLUMN gone;
INSERT INTO orgs SELECT n, 'org ' || n FROM generate_series(1, 500) n;
INSERT INTO items (org, status, mood, mail, code, tags, doc, body, price, made, during, place, flag, member)
SELECT 1 + (n % 700) * (n % 13) % 500,
  (ARRAY['new', 'open', 'done'])[1 + n % 100 / 40],
  (ARRAY['sad', 'ok', 'happy']::mood[])[1 + n % 100 / 35],
  'u' || n % 5000 || '@x.org', 'c' || n % 900, ARRAY['t' || n % 7, 't' || n % 90],
  jsonb_build_object('k', n % 50, 'name', 'n' || n % 1000), 'word' || n % 300 || ' text word' || n % 20, n % 1000 / 10.0,
  '2026-01-01'::timestamptz + n * interval '1 minute',
  tstzrange('2026-01-01'::timestamptz + n * interval '1 minute', '2026-01-01'::timestamptz + n * interval '1 minute' + interval '2 hours'),
  point(n % 100, n % 37), n % 10 = 0, ('00000000-0000-0000-0000-' || lpad((n % 2000)::text, 12, '0'))::uuid
FROM generate_series(1, 20000) n;
CREATE STATISTICS items_together ON status, mood, flag FROM items;
CREATE STATISTICS items_expressions (ndistinct, mcv) ON code, (lower(mail)), (price > 50) FROM items;
CREATE TABLE visits (id int, at date, page text) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO visits SELECT n, '2026-01-01'::date + n % 300, 'v' || n % 30 FROM generate_series(1, 10000) n;
-- Rows in no order, most columns skewed: every "random" value is a hash of the row's number.
CREATE FUNCTION chance(n bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT (hashint8extended(n, salt) & 4294967295)::float8 / 4294967296';
CREATE TABLE people (
  id int PRIMARY KEY, org int, email text, name text, bio text, city text, country text, born date,
  joined timestamptz, seen timestamptz, score numeric(8, 2), level smallint, address inet, labels text[], roles int[],
  profile jsonb, stay daterange, spot point, active bool, token uuid, note text, phone varchar(20)
);
INSERT INTO people
SELECT n, 1 + (500 * power(chance(n, 1), 3))::int, 'User' || n || '@' || (ARRAY['Example.com', 'x.org', 'mail.net'])[1 + (3 * chance(n, 22))::int % 3],
  (ARRAY['Ana', 'Luis', 'Maria', 'Carlos', 'Lucia', 'Diego', 'Camila', 'Jorge', 'Paula', 'Mateo'])[1 + (10 * chance(n, 2))::int % 10]
    || ' ' || initcap(substr(md5((n % 4000)::text), 1, 7)),
  (SELECT string_agg(substr('carefulpunctualinsuredreferencefamiliesneighbourhoodgardenpaintingcooking',
      1 + (60 * power(chance(n, 40 + k), 2))::int, 3 + (9 * chance(n, 60 + k))::int), ' ')
    FROM generate_series(1, 6 + (n % 10)::int) k),
  'City ' || (200 * power(chance(n, 3), 4))::int, chr(65 + (26 * power(chance(n, 4), 2))::int % 26) || 'X',
  '1950-01-01'::date + (20000 * chance(n, 5))::int, '2024-01-01'::timestamptz + n * interval '40 minutes',
  CASE WHEN chance(n, 6) < 0.8 THEN '2026-01-01'::timestamptz + chance(n, 7) * interval '300 days' END,
  (100 * power(chance(n, 8), 2))::numeric(8, 2), (5 * power(chance(n, 9), 2))::int,
  ('10.' || n % 7 || '.' || (255 * chance(n, 10))::int || '.' || n % 250)::inet,
  ARRAY(SELECT DISTINCT 'l' || (150 * power(chance(n, 70 + k), 3))::int FROM generate_series(0, (n % 5)::int) k),
  ARRAY[n % 3, n % 11, (40 * power(chance(n, 11), 2))::int],
  jsonb_build_object('kind', 'k' || (30 * power(chance(n, 12), 2))::int, 'plan', (ARRAY['free', 'pro', 'team'])[1 + (3 * power(chance(n, 13), 3))::int % 3],
    'email', 'user' || n || '@x.org', 'age', (80 * chance(n, 14))::int),
  daterange('2026-01-01'::date + (300 * chance(n, 15))::int, '2026-01-02'::date + (300 * chance(n, 15) + 12 * power(chance(n, 16), 2))::int),
  point(100 * chance(n, 17), 100 * power(chance(n, 18), 2)), chance(n, 19) < 0.15, md5(n::text)::uuid,
  CASE WHEN chance(n, 20) < 0.3 THEN 'Note ' || (90 * chance(n, 21))::int END, '+57' || lpad((n % 9000)::text, 9, '0')
FROM generate_series(1, 20000) n;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON items TO anon
  USING (member = (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid);
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY colleagues ON people TO anon
  USING (org = ((SELECT current_setting('request.jwt.claims', true))::jsonb ->> 'org')::int);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon;
