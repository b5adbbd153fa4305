import type { Client } from 'pg'

/** Columns of types whose = is identity and of others, relations with and without keys, helpers of every shape. */
export const zoo = `
  CREATE SCHEMA auth;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
  CREATE COLLATION public.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE public.mood AS ENUM ('low', 'high', 'odd');
  CREATE TABLE public.members (team int, person uuid, level int NOT NULL, blocked boolean);
  CREATE TABLE public.teams (id int PRIMARY KEY, owner uuid, boss uuid, open boolean, size int, UNIQUE (owner));
  CREATE TABLE public.rates (team int NOT NULL, year int NOT NULL, rate numeric, PRIMARY KEY (team, year));
  CREATE TABLE public.items (
    id int PRIMARY KEY, a int, b int, big bigint, needed int NOT NULL, owner uuid, other uuid,
    ok boolean, sure boolean NOT NULL, t text, v varchar(5), c char(3), loose text COLLATE public.loose,
    n numeric, f float8, e public.mood, d date, ids int[], people uuid[]);
  CREATE FUNCTION public.teams_of() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT m.team FROM public.members m WHERE m.person = auth.uid() AND m.blocked IS NOT TRUE $$;
  CREATE FUNCTION public.team_array() RETURNS int[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
    BEGIN RETURN ARRAY(SELECT m.team FROM public.members m WHERE m.person = auth.uid() AND m.blocked IS NOT TRUE); END $$;
  CREATE FUNCTION public.team_agg() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT array_agg(m.team) FROM public.members m WHERE m.person = auth.uid() AND m.blocked IS NOT TRUE $$;
  CREATE FUNCTION public.is_in(wanted int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.members WHERE team = wanted AND person = auth.uid() AND blocked IS NOT TRUE) $$;
  CREATE FUNCTION public.is_in_strict(wanted int) RETURNS boolean LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.members WHERE team IS NOT DISTINCT FROM wanted AND person = auth.uid()) $$;
  CREATE FUNCTION public.is_in_loose(wanted int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.members WHERE team IS NOT DISTINCT FROM wanted AND person = auth.uid()) $$;
  CREATE FUNCTION public.in_list(wanted int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
    BEGIN RETURN wanted IN (SELECT m.team FROM public.members m WHERE m.person = auth.uid() AND m.blocked IS NOT TRUE); END $$;
  CREATE FUNCTION public.hidden(team int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.members m WHERE m.team = team AND m.person = auth.uid() AND m.blocked IS NOT TRUE) $$;
  CREATE FUNCTION public.shadowed(wanted int) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
    DECLARE wanted int := 1;
    BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.team = wanted AND m.person = auth.uid() AND m.blocked IS NOT TRUE); END $$;
  CREATE FUNCTION public.has_level(wanted int, lowest int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.members m WHERE m.team = $1 AND m.person = auth.uid() AND m.level >= $2) $$;
  CREATE FUNCTION public.owner_of(wanted int) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT t.owner FROM public.teams t WHERE t.id = wanted $$;
  CREATE FUNCTION public.any_level(wanted int) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT m.level FROM public.members m WHERE m.team = wanted ORDER BY m.level LIMIT 1 $$;
  CREATE FUNCTION public.found(wanted int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT true FROM public.members m WHERE m.team = wanted AND m.person = auth.uid() AND m.blocked IS NOT TRUE $$;
  CREATE FUNCTION public.small(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(value) $$;
  CREATE FUNCTION public.none_is_one(value int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(value, 1) $$;
`

/** Predicates of `items`; many of them mean the same, and many nearly the same. */
export const predicates = [
  // Memberships, by a helper, a list, an array or a query.
  'is_in(a)',
  'in_list(a)',
  'found(a)',
  'a IN (SELECT teams_of())',
  'a = ANY (ARRAY(SELECT teams_of()))',
  'a = ANY ((SELECT team_array())::int[])',
  'a IN (SELECT unnest((SELECT team_array())))',
  'a = ANY (team_agg())',
  'a = ANY ((SELECT team_agg())::int[])',
  'a IN (SELECT unnest(team_agg()))',
  'a IN (SELECT x FROM (SELECT m.team AS x FROM members m WHERE m.blocked IS NOT TRUE AND m.person = auth.uid()) s)',
  'big IN (SELECT teams_of())',
  'is_in(b)',
  'is_in_strict(a)',
  'is_in_loose(a)',
  'hidden(a)',
  'shadowed(a)',
  'is_in(a) IS TRUE',
  'is_in(a) IS NOT FALSE',
  'NOT is_in(a)',
  'NOT in_list(a)',
  'NOT (a IN (SELECT teams_of()))',
  'a <> ALL (ARRAY(SELECT teams_of()))',
  'NOT (a = ANY ((SELECT team_array())::int[]))',
  'NOT (a = ANY (team_agg()))',
  '(a IN (SELECT teams_of())) IS NULL',
  '(a IN (SELECT teams_of())) IS NOT TRUE',
  'a IS NOT NULL AND NOT is_in(a)',
  // Queries in place.
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND m.blocked IS NOT TRUE)',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND NOT m.blocked)',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND NOT coalesce(m.blocked, false))',
  'a IN (SELECT m.team FROM members m WHERE m.person = auth.uid() AND m.blocked IS NOT TRUE)',
  'a IN (SELECT m.team FROM members m WHERE m.person = auth.uid() AND coalesce(m.blocked, false) = false)',
  'a IN (SELECT m.team FROM members m)',
  'NOT EXISTS (SELECT FROM members m WHERE m.team = items.a)',
  'a NOT IN (SELECT m.team FROM members m)',
  'a NOT IN (SELECT m.team FROM members m WHERE m.team IS NOT NULL)',
  'a NOT IN (SELECT t.id FROM teams t)',
  'NOT EXISTS (SELECT FROM teams t WHERE t.id = items.a)',
  'a IS NULL OR NOT EXISTS (SELECT FROM teams t WHERE t.id = items.a)',
  'a IS NOT NULL AND NOT EXISTS (SELECT FROM teams t WHERE t.id = items.a)',
  'a IN (SELECT t.id FROM teams t UNION SELECT m.team FROM members m)',
  'a IN (SELECT t.id FROM teams t UNION ALL SELECT m.team FROM members m)',
  'a IN (SELECT t.id FROM teams t) OR a IN (SELECT m.team FROM members m)',
  'a IN (SELECT t.id FROM teams t JOIN members m ON m.team = t.id WHERE m.person = auth.uid())',
  'EXISTS (SELECT FROM members m WHERE m.person = auth.uid() AND m.team = items.a AND EXISTS (SELECT FROM teams t WHERE t.id = m.team))',
  'EXISTS (SELECT FROM members m, teams t WHERE m.team = t.id AND t.id = items.a AND m.person = auth.uid())',
  'EXISTS (SELECT FROM members m JOIN teams t ON t.id = m.team AND t.id = items.a AND m.person = auth.uid())',
  'a >= ALL (SELECT m.level FROM members m)',
  'NOT EXISTS (SELECT FROM members m WHERE m.level > items.a)',
  'a > ANY (SELECT m.level FROM members m)',
  'EXISTS (SELECT FROM members m WHERE m.level < items.a)',
  'EXISTS (SELECT FROM members m WHERE m.level <= items.a - 1)',
  'has_level(a, 2)',
  'has_level(a, 1)',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND m.level > 1)',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND NOT (m.level < 2))',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.person = auth.uid() AND m.level BETWEEN 2 AND 3)',
  // A scalar sub-select by key.
  '(SELECT t.owner FROM teams t WHERE t.id = items.a) = auth.uid()',
  'owner_of(a) = auth.uid()',
  'EXISTS (SELECT FROM teams t WHERE t.id = items.a AND t.owner = auth.uid())',
  'a IN (SELECT t.id FROM teams t WHERE t.owner = auth.uid())',
  '(SELECT t.id FROM teams t WHERE t.owner = auth.uid()) = a',
  '(SELECT t.id FROM teams t WHERE t.boss = auth.uid() ORDER BY t.id LIMIT 1) = a',
  'a IN (SELECT t.id FROM teams t WHERE t.boss = auth.uid())',
  '(SELECT t.open FROM teams t WHERE t.id = items.a)',
  'EXISTS (SELECT FROM teams t WHERE t.id = items.a AND t.open)',
  'coalesce((SELECT t.open FROM teams t WHERE t.id = items.a), false)',
  'NOT (SELECT t.open FROM teams t WHERE t.id = items.a)',
  'NOT EXISTS (SELECT FROM teams t WHERE t.id = items.a AND t.open)',
  'EXISTS (SELECT FROM teams t WHERE t.id = items.a AND NOT t.open)',
  '(SELECT t.open FROM teams t WHERE t.id = items.a) IS NULL',
  '(SELECT r.rate FROM rates r WHERE r.team = items.a AND r.year = 2) > 1',
  'EXISTS (SELECT FROM rates r WHERE r.team = items.a AND r.year = 2 AND r.rate > 1)',
  'EXISTS (SELECT FROM rates r WHERE r.team = items.a AND r.rate > 1)',
  'any_level(a) > 1',
  'EXISTS (SELECT FROM members m WHERE m.team = items.a AND m.level > 1)',
  // NULL in lists, negations, choices.
  'a IN (1, 2)',
  'a = 1 OR a = 2',
  'a IN (1, 2, NULL)',
  'a NOT IN (1, 2)',
  'a NOT IN (1, 2, NULL)',
  'NOT (a IN (1, 2))',
  'a <> ALL (ARRAY[1, 2])',
  'a <> 1 AND a <> 2',
  'a <> 1 OR a <> 2',
  'a IS DISTINCT FROM 1 AND a IS DISTINCT FROM 2',
  'a IN (b, 1)',
  'a = b OR a = 1',
  'a NOT IN (b, 1)',
  'NOT (a = b)',
  'a <> b',
  'a IS DISTINCT FROM b',
  'a IS NOT DISTINCT FROM b',
  'a = b',
  'a = b OR (a IS NULL AND b IS NULL)',
  'coalesce(a, 0) = coalesce(b, 0)',
  'coalesce(a = b, true)',
  'coalesce(a = b, false)',
  '(a = b) IS TRUE',
  '(a = b) IS NOT FALSE',
  'NULLIF(a, b) IS NULL',
  'a IS NULL OR a = b',
  'CASE WHEN a = 1 THEN ok WHEN a = 2 THEN sure ELSE false END',
  'CASE WHEN a = 2 THEN sure WHEN a = 1 THEN ok ELSE false END',
  'CASE a WHEN 1 THEN ok WHEN 2 THEN sure END',
  '(a = 1 AND ok) OR (a = 2 AND sure)',
  'CASE WHEN a > 0 THEN ok WHEN a > 1 THEN sure END',
  'CASE WHEN a > 1 THEN sure WHEN a > 0 THEN ok END',
  'CASE WHEN ok THEN a ELSE b END = 1',
  '(ok AND a = 1) OR (NOT ok AND b = 1)',
  '(ok IS TRUE AND a = 1) OR (ok IS NOT TRUE AND b = 1)',
  'ok',
  'ok = true',
  'ok IS TRUE',
  'ok IS NOT FALSE',
  'NOT ok',
  'ok = false',
  'ok <> true',
  'ok IS NOT TRUE',
  'ok OR sure',
  'ok OR (sure AND ok IS NOT TRUE)',
  'sure OR ok IS NULL',
  'NOT (NOT ok AND NOT sure)',
  'a > 1',
  'a >= 2',
  'NOT (a <= 1)',
  'a > 1 OR a IS NULL',
  'a BETWEEN 1 AND 2',
  'a NOT BETWEEN 1 AND 2',
  'a < b OR a = b OR a > b',
  'a IS NOT NULL AND b IS NOT NULL',
  'needed = needed',
  'true',
  'a = a',
  'a IS NOT NULL',
  'needed IS NOT NULL',
  'none_is_one(a) = 1',
  'a = 1 OR a IS NULL',
  // Types whose = is identity, and others.
  `t = 'x'`,
  `t = 'x' OR t = 'X'`,
  `lower(t) = 'x'`,
  `small(t) = 'x'`,
  `t = v`,
  `t = v AND lower(t) = lower(v)`,
  `t = v AND length(t) = length(v)`,
  `t = c`,
  `t = c AND length(t) = length(c)`,
  `c = 'a' AND length(c::text) = 1`,
  `c = 'a'`,
  `loose = t`,
  `loose = 'x'`,
  `loose = 'x' AND loose::bytea = 'x'::bytea`,
  `loose IN ('x', 'X')`,
  'n = 1',
  'n = 1 AND n::text = (1.0)::text',
  'n = 1.0',
  'n IN (1, 1.0)',
  'n = a',
  'n = a AND n::text = a::text',
  'f = 0',
  'f = 0 AND f::text = (0::float8)::text',
  'f = f',
  'f IS NOT NULL',
  'f < 1 OR f >= 1',
  'NOT (f > 1)',
  'f <= 1',
  'a = big',
  'a = big AND a::text = big::text',
  `e = 'low'`,
  `e IN ('low', 'high')`,
  `e <> 'odd'`,
  `e <> ALL (ARRAY['low', 'high']::mood[])`,
  `e::text = 'low'`,
  `d > '2020-01-02'`,
  `d >= '2020-01-03'`,
  `NOT (d <= '2020-01-02')`,
  'd <= current_date',
  // Arrays of the row.
  'a = ANY (ids)',
  'a IN (SELECT unnest(ids))',
  'ids @> ARRAY[a]',
  'NOT (a = ANY (ids))',
  'a <> ALL (ids)',
  'a <> ANY (ids)',
  'auth.uid() = ANY (people)',
  '(SELECT auth.uid()) = ANY (people)',
  // Who is calling.
  'owner = auth.uid()',
  'owner = (SELECT auth.uid())',
  'auth.uid() = owner',
  'owner = auth.uid() OR other = auth.uid()',
  'auth.uid() IN (owner, other)',
  '(SELECT auth.uid()) = ANY (ARRAY[owner, other])',
  'auth.uid() NOT IN (owner, other)',
  'owner <> auth.uid() AND other <> auth.uid()',
  'coalesce(owner, other) = auth.uid()',
  'owner = auth.uid() OR (owner IS NULL AND other = auth.uid())',
  'owner = auth.uid() AND auth.uid() IS NOT NULL',
  'owner IS NOT DISTINCT FROM auth.uid()',
  'auth.uid() IS NOT NULL',
  'auth.uid() IS NULL OR owner = auth.uid()',
  'owner = auth.uid() OR is_in(a)',
  'a IN (SELECT teams_of()) OR owner = (SELECT auth.uid())',
  'owner = auth.uid() AND is_in(a)',
]

const people = [1, 2, 3].map((n) => `'00000000-0000-4000-8000-00000000000${n}'`)
const pick = (values: string[], nulls: number) =>
  `(ARRAY[${[...values, ...Array.from({ length: nulls }, () => 'NULL')].join(', ')}])[1 + floor(random() * ${values.length + nulls})::int]`
const person = pick(
  people.map((each) => `${each}::uuid`),
  1,
)
const number = pick(['1', '2', '3'], 1)
const flag = pick(['true', 'false'], 1)

/** Who asks: three people, and nobody. */
export const callers = [...people.map((each) => each.slice(1, -1)), '']

/** Fills the tables by chance, one of them with nothing now and then; the same for the same number. */
export async function fillWorld(client: Client, world: number): Promise<void> {
  const count = (most: number) => `generate_series(1, (SELECT floor(random() * ${most + 1})::int))`
  await client.query(`
    SELECT setseed(${(world % 100) / 100});
    TRUNCATE public.members, public.teams, public.rates, public.items;
    INSERT INTO public.members SELECT ${number}, ${person}, floor(random() * 4)::int, ${flag} FROM ${count(5)} n WHERE n > 0;
    INSERT INTO public.teams SELECT n, ${person}, ${person}, ${flag}, ${number} FROM ${count(3)} n ON CONFLICT DO NOTHING;
    INSERT INTO public.rates SELECT 1 + n % 3, 1 + n % 2, ${pick(['0.5', '1', '1.50'], 1)} FROM ${count(6)} n ON CONFLICT DO NOTHING;
    INSERT INTO public.items SELECT n, ${number}, ${number}, ${number}, floor(random() * 3)::int, ${person}, ${person}, ${flag},
      random() < 0.5, ${pick(["'x'", "'X'", "'a'", "'a  '", "''"], 1)}, ${pick(["'x'", "'X'", "'a'", "'a  '"], 1)},
      ${pick(["'x'", "'a'", "'a  '"], 1)}, ${pick(["'x'", "'X'", "'a'"], 1)},
      ${pick(['1', '1.0', '2.00', "'NaN'::numeric", '0'], 1)},
      ${pick(["'0'::float8", "'-0'::float8", "'NaN'::float8", '1', '2'], 1)}, ${pick(["'low'::public.mood", "'high'", "'odd'"], 1)},
      ${pick(["'2020-01-02'::date", "'2020-01-03'", "'2020-01-04'", "'2199-01-01'", "'infinity'"], 1)},
      CASE floor(random() * 5)::int WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN ARRAY[${number}] ELSE ARRAY[${number}, ${number}] END,
      CASE floor(random() * 4)::int WHEN 0 THEN NULL WHEN 1 THEN '{}'::uuid[] ELSE ARRAY[${person}, ${person}] END
    FROM generate_series(1, 40) n;`)
}
