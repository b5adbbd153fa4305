-- Rows for the tables of TPC-H, with its distributions wherever one of its queries depends on them. The same on every
-- machine: every "random" value is a hash of the row's number. The setting `tpch.scale` is the scale factor.

-- A number from low to high that depends on n and salt alone.
CREATE FUNCTION pg_temp.draw(n bigint, salt integer, low integer, high integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT low + ((hashint8extended(n, salt) & 4294967295) % (high - low + 1))::integer
$$;

CREATE FUNCTION pg_temp.one_of(n bigint, salt integer, words text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT words[1 + ((hashint8extended(n, salt) & 4294967295) % array_length(words, 1))::integer]
$$;

CREATE FUNCTION pg_temp.total(of_one numeric) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT round(of_one * current_setting('tpch.scale')::numeric)::integer
$$;

-- Some words of no meaning.
CREATE FUNCTION pg_temp.words(n bigint, salt integer, characters integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT left(concat_ws(' ',
    pg_temp.one_of(n, salt, '{quick,slow,bold,final,even,silent,pending,ironic}'),
    pg_temp.one_of(n, salt + 1, '{foxes,deposits,packages,accounts,theories,pearls,ideas,courts}'),
    pg_temp.one_of(n, salt + 2, '{sleep,wake,haggle,nag,doze,boost,detect,cajole}'),
    pg_temp.one_of(n, salt + 3, '{above,along,among,beneath,under,across,after,between}'),
    to_hex(hashint8extended(n, salt + 4)), repeat('the ', characters / 8), to_hex(hashint8extended(n, salt + 5))), characters)
$$;

-- A third of all possible keys of orders are used.
CREATE FUNCTION pg_temp.order_key(n bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((n - 1) / 8 * 32 + (n - 1) % 8 + 1)::integer
$$;

-- The supplier of a part, of whom there are four: 0 to 3.
CREATE FUNCTION pg_temp.supplier_of(part integer, which integer, suppliers integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (part + which * (suppliers / 4 + (part - 1) / suppliers)) % suppliers + 1
$$;

CREATE FUNCTION pg_temp.price(part integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (90000 + part / 10 % 20001 + 100 * (part % 1000)) / 100.0
$$;

INSERT INTO region SELECT at - 1, name, pg_temp.words(at, 1, 80)
FROM unnest('{AFRICA,AMERICA,ASIA,EUROPE,MIDDLE EAST}'::text[]) WITH ORDINALITY AS r (name, at);

INSERT INTO nation SELECT at - 1, name, region, pg_temp.words(at, 1, 80)
FROM unnest(
  '{ALGERIA,ARGENTINA,BRAZIL,CANADA,EGYPT,ETHIOPIA,FRANCE,GERMANY,INDIA,INDONESIA,IRAN,IRAQ,JAPAN,JORDAN,KENYA,
    MOROCCO,MOZAMBIQUE,PERU,CHINA,ROMANIA,SAUDI ARABIA,VIETNAM,RUSSIA,UNITED KINGDOM,UNITED STATES}'::text[],
  '{0,1,1,1,4,0,3,3,2,2,4,4,2,4,0,0,0,1,2,3,4,2,3,3,1}'::integer[]) WITH ORDINALITY AS n (name, region, at);

INSERT INTO supplier
SELECT n, 'Supplier#' || lpad(n::text, 9, '0'), pg_temp.words(n, 10, 25), pg_temp.draw(n, 20, 0, 24),
  pg_temp.draw(n, 20, 0, 24) + 10 || '-' || pg_temp.draw(n, 21, 100, 999) || '-' || pg_temp.draw(n, 22, 1000, 9999),
  pg_temp.draw(n, 23, -99999, 999999) / 100.0,
  -- Of 10,000 suppliers five have complaints.
  CASE WHEN n % 2000 = 7 THEN 'Customer ' || pg_temp.words(n, 24, 30) || ' Complaints' ELSE pg_temp.words(n, 24, 60) END
FROM generate_series(1, pg_temp.total(10000)) n;

INSERT INTO part
SELECT n,
  (SELECT string_agg(pg_temp.one_of(n, 30 + word, colours.names), ' ') FROM generate_series(1, 5) word),
  'Manufacturer#' || pg_temp.draw(n, 36, 1, 5),
  'Brand#' || pg_temp.draw(n, 36, 1, 5) || pg_temp.draw(n, 37, 1, 5),
  concat_ws(' ', pg_temp.one_of(n, 38, '{STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO}'),
    pg_temp.one_of(n, 39, '{ANODIZED,BURNISHED,PLATED,POLISHED,BRUSHED}'),
    pg_temp.one_of(n, 40, '{TIN,NICKEL,BRASS,STEEL,COPPER}')),
  pg_temp.draw(n, 41, 1, 50),
  concat_ws(' ', pg_temp.one_of(n, 42, '{SM,LG,MED,JUMBO,WRAP}'),
    pg_temp.one_of(n, 43, '{CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM}')),
  pg_temp.price(n), pg_temp.words(n, 44, 14)
FROM generate_series(1, pg_temp.total(200000)) n,
  -- 92 names, as the specification has.
  (SELECT array_agg(CASE shade WHEN 1 THEN 'green' WHEN 2 THEN 'forest' ELSE 'shade' || shade END) AS names
   FROM generate_series(1, 92) shade) AS colours;

INSERT INTO partsupp
SELECT part, pg_temp.supplier_of(part, which, pg_temp.total(10000)), pg_temp.draw(part * 4::bigint + which, 50, 1, 9999),
  pg_temp.draw(part * 4::bigint + which, 51, 100, 100000) / 100.0, pg_temp.words(part * 4::bigint + which, 52, 125)
FROM generate_series(1, pg_temp.total(200000)) part, generate_series(0, 3) which;

INSERT INTO customer
SELECT n, 'Customer#' || lpad(n::text, 9, '0'), pg_temp.words(n, 60, 25), pg_temp.draw(n, 65, 0, 24),
  pg_temp.draw(n, 65, 0, 24) + 10 || '-' || pg_temp.draw(n, 66, 100, 999) || '-' || pg_temp.draw(n, 67, 1000, 9999),
  pg_temp.draw(n, 68, -99999, 999999) / 100.0,
  pg_temp.one_of(n, 69, '{AUTOMOBILE,BUILDING,FURNITURE,MACHINERY,HOUSEHOLD}'), pg_temp.words(n, 70, 70)
FROM generate_series(1, pg_temp.total(150000)) n;

-- Every order has one to seven lines; its own status and price follow from them.
INSERT INTO lineitem
SELECT l_orderkey, l_partkey, pg_temp.supplier_of(l_partkey, pg_temp.draw(line, 81, 0, 3), suppliers), l_linenumber,
  l_quantity, l_quantity * pg_temp.price(l_partkey), pg_temp.draw(line, 82, 0, 10) / 100.0,
  pg_temp.draw(line, 83, 0, 8) / 100.0,
  CASE WHEN l_receiptdate > '1995-06-17' THEN 'N' ELSE pg_temp.one_of(line, 84, '{R,A}') END,
  CASE WHEN l_shipdate > '1995-06-17' THEN 'O' ELSE 'F' END,
  l_shipdate, o_orderdate + pg_temp.draw(line, 85, 30, 90), l_receiptdate,
  pg_temp.one_of(line, 86, '{DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN}'),
  pg_temp.one_of(line, 87, '{REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB}'), pg_temp.words(line, 88, 27)
FROM (
  SELECT pg_temp.order_key(n) AS l_orderkey, line, l_linenumber, suppliers, o_orderdate,
    pg_temp.draw(line, 94, 1, parts) AS l_partkey, pg_temp.draw(line, 95, 1, 50) AS l_quantity,
    o_orderdate + pg_temp.draw(line, 96, 1, 121) AS l_shipdate,
    o_orderdate + pg_temp.draw(line, 96, 1, 121) + pg_temp.draw(line, 97, 1, 30) AS l_receiptdate
  FROM (SELECT pg_temp.total(200000) AS parts, pg_temp.total(10000) AS suppliers, pg_temp.total(1500000) AS orders) totals,
    generate_series(1, orders) n,
    LATERAL (SELECT date '1992-01-01' + pg_temp.draw(n, 100, 0, 2405) AS o_orderdate) dated,
    LATERAL generate_series(1, pg_temp.draw(n, 101, 1, 7)) l_linenumber,
    LATERAL (SELECT n * 8::bigint + l_linenumber AS line) numbered
) lines;

INSERT INTO orders
SELECT o_orderkey,
  -- Every third customer has no orders.
  pg_temp.draw(n, 102, 0, pg_temp.total(50000) - 1) * 3 + pg_temp.draw(n, 103, 1, 2),
  CASE status WHEN 'F' THEN 'F' WHEN 'O' THEN 'O' ELSE 'P' END, total, date '1992-01-01' + pg_temp.draw(n, 100, 0, 2405),
  pg_temp.one_of(n, 104, '{1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW}'),
  'Clerk#' || lpad(pg_temp.draw(n, 105, 1, greatest(1, pg_temp.total(1000)))::text, 9, '0'), 0,
  CASE WHEN pg_temp.draw(n, 106, 1, 100) = 1 THEN 'the special ' || pg_temp.words(n, 107, 20) || ' requests'
    ELSE pg_temp.words(n, 107, 48) END
FROM (SELECT l_orderkey AS o_orderkey, string_agg(DISTINCT l_linestatus, '') AS status,
    round(sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)), 2) AS total
  FROM lineitem GROUP BY l_orderkey) sums,
  LATERAL (SELECT (o_orderkey - 1) / 32 * 8 + (o_orderkey - 1) % 32 + 1 AS n) numbered
ORDER BY o_orderkey;

ALTER TABLE nation ADD FOREIGN KEY (n_regionkey) REFERENCES region;
ALTER TABLE supplier ADD FOREIGN KEY (s_nationkey) REFERENCES nation;
ALTER TABLE customer ADD FOREIGN KEY (c_nationkey) REFERENCES nation;
ALTER TABLE partsupp ADD FOREIGN KEY (ps_partkey) REFERENCES part, ADD FOREIGN KEY (ps_suppkey) REFERENCES supplier;
ALTER TABLE orders ADD FOREIGN KEY (o_custkey) REFERENCES customer;
ALTER TABLE lineitem ADD FOREIGN KEY (l_orderkey) REFERENCES orders,
  ADD FOREIGN KEY (l_partkey, l_suppkey) REFERENCES partsupp;
