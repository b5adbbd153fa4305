-- A table with a column of each kind that has statistics of its own, and an index of each access method.
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
CREATE INDEX items_org ON items (org, made DESC);
CREATE INDEX items_mail ON items (lower(mail));
CREATE INDEX items_open ON items (made) WHERE status = 'open';
CREATE INDEX items_name ON items ((doc ->> 'name'));
CREATE INDEX items_member ON items (member) INCLUDE (code);
CREATE INDEX items_tags ON items USING gin (tags);
CREATE INDEX items_doc ON items USING gin (doc jsonb_path_ops);
CREATE INDEX items_words ON items USING gin (words);
CREATE INDEX items_terms ON items USING gin (to_tsvector('simple', code));
CREATE INDEX items_during ON items USING gist (during);
CREATE INDEX items_place ON items USING spgist (place);
CREATE INDEX items_made ON items USING brin (made);
CREATE INDEX items_code ON items USING hash (code);
CREATE STATISTICS items_together ON status, mood, flag FROM items;
CREATE STATISTICS items_expressions (ndistinct, mcv) ON code, (lower(mail)), (price > 50) FROM items;
CREATE TABLE visits (id int, at date, page text) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO visits SELECT n, '2026-01-01'::date + n % 300, 'v' || n % 30 FROM generate_series(1, 10000) n;
CREATE INDEX ON visits (at);
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON items TO anon USING (member = current_setting('app.member', true)::uuid);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon;
