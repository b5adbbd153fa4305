import type { BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, invoker, isMember, member, plpgsql, plpgsqlDefiner } from './member.ts'

const predicate = 'c_member(org_id)'
const declared = `${definer} ${emptyPath}`
const inPlpgsql = `${plpgsqlDefiner} ${emptyPath}`
const mine = 'm.org_id = org AND m.user_id = auth.uid()'

/** Ways to write a body, harmless ones among them. */
export const shapes: BodyGroup = {
  name: 'shapes',
  cases: [
    {
      name: 'plpgsql_return',
      mustRewrite: true,
      setup: member(inPlpgsql, `BEGIN RETURN EXISTS (SELECT 1 FROM public.members m WHERE ${mine}); END`),
      predicate,
    },
    {
      name: 'hidden_parameter',
      setup: member(
        inPlpgsql,
        `DECLARE org uuid; BEGIN RETURN EXISTS (SELECT 1 FROM public.members m WHERE ${mine}); END`,
      ),
      predicate,
    },
    {
      name: 'with_limit',
      mustRewrite: true,
      setup: member(declared, `SELECT EXISTS (SELECT 1 FROM public.members m WHERE ${mine} LIMIT 1)`),
      predicate,
    },
    {
      name: 'with_order',
      mustRewrite: true,
      setup: member(
        declared,
        `SELECT EXISTS (SELECT 1 FROM public.members m WHERE ${mine} ORDER BY m.level)`,
      ),
      predicate,
    },
    {
      name: 'with_join',
      mustRewrite: true,
      setup: member(
        declared,
        `SELECT EXISTS (SELECT 1 FROM public.members m JOIN public.orgs o ON o.id = m.org_id WHERE ${mine} AND o.is_open)`,
      ),
      predicate,
    },
    {
      name: 'with_role',
      mustRewrite: true,
      setup: `CREATE FUNCTION c_has(org uuid, wanted text) RETURNS boolean ${declared} AS $$ ${isMember('m.role = wanted')} $$`,
      predicate: `c_has(org_id, 'owner')`,
    },
    {
      name: 'person_first',
      mustRewrite: true,
      setup: `CREATE FUNCTION c_has(person uuid, org uuid) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = person) $$`,
      predicate: 'c_has(auth.uid(), org_id)',
    },
    {
      name: 'limit_zero',
      setup: member(declared, `SELECT EXISTS (SELECT 1 FROM public.members m WHERE ${mine} LIMIT 0)`),
      predicate,
    },
    {
      name: 'limit_null',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT 1 FROM public.members m WHERE ${mine} LIMIT NULL OFFSET 1)`,
      ),
      predicate,
    },
    {
      name: 'limit_of_level',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT 1 FROM public.members m WHERE ${mine} LIMIT (SELECT min(level) FROM public.members))`,
      ),
      predicate,
    },
    {
      name: 'first_org',
      setup: member(
        declared,
        `SELECT org IN (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid() ORDER BY m.level DESC LIMIT 1)`,
      ),
      predicate,
    },
    {
      name: 'returning_atomic',
      setup: `CREATE FUNCTION c_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER RETURN EXISTS (SELECT FROM members m WHERE m.org_id = org AND m.user_id = auth.uid())`,
      predicate,
    },
    {
      name: 'begin_atomic',
      setup: `CREATE FUNCTION c_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC SELECT EXISTS (SELECT FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      predicate,
    },
    {
      name: 'atomic_two_statements',
      setup: `CREATE FUNCTION c_member(org uuid) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT 1; SELECT EXISTS (SELECT FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      predicate,
    },
    {
      name: 'two_statements',
      setup: member(invoker, `SELECT 1; SELECT EXISTS (SELECT FROM public.members m WHERE ${mine})`),
      predicate,
    },
    {
      name: 'two_statements_first_raises',
      setup: member(
        invoker,
        `SELECT (auth.jwt() ->> 'level')::int; SELECT EXISTS (SELECT FROM public.members m WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'found',
      setup: member(inPlpgsql, `BEGIN PERFORM 1 FROM public.members m WHERE ${mine}; RETURN FOUND; END`),
      predicate,
    },
    {
      name: 'into_variable',
      setup: member(
        inPlpgsql,
        `DECLARE yes boolean; BEGIN SELECT EXISTS (SELECT FROM public.members m WHERE ${mine}) INTO yes; RETURN yes; END`,
      ),
      predicate,
    },
    {
      name: 'rowtype',
      setup: member(
        plpgsql,
        `DECLARE one members%ROWTYPE; BEGIN SELECT * INTO one FROM members m WHERE ${mine}; RETURN one.user_id IS NOT NULL; END`,
      ),
      predicate,
    },
    {
      name: 'declared_default',
      setup: member(
        inPlpgsql,
        `DECLARE person uuid := auth.uid(); BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = person); END`,
      ),
      predicate,
    },
    {
      name: 'declared_raising',
      setup: member(
        inPlpgsql,
        `DECLARE least int := (auth.jwt() ->> 'level')::int; BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE ${mine}); END`,
      ),
      predicate,
    },
    {
      name: 'loop',
      setup: member(
        inPlpgsql,
        `DECLARE one record; BEGIN FOR one IN SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid() LOOP IF one.org_id = org THEN RETURN true; END IF; END LOOP; RETURN false; END`,
      ),
      predicate,
    },
    {
      name: 'dynamic',
      setup: member(
        inPlpgsql,
        `DECLARE yes boolean; BEGIN EXECUTE 'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = $1 AND m.user_id = auth.uid())' INTO yes USING org; RETURN yes; END`,
      ),
      predicate,
    },
    {
      name: 'swallows_in_body',
      setup: member(
        plpgsql,
        `BEGIN RETURN EXISTS (SELECT FROM c_missing m WHERE m.org_id = org); EXCEPTION WHEN undefined_table THEN RETURN EXISTS (SELECT FROM public.members m WHERE ${mine}); END`,
      ),
      predicate,
    },
    {
      name: 'swallows_division',
      setup: member(
        inPlpgsql,
        `BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE ${mine} AND 1 / m.level > 0); EXCEPTION WHEN division_by_zero THEN RETURN true; END`,
      ),
      predicate,
    },
    {
      name: 'out_parameter',
      setup: `CREATE FUNCTION c_member(org uuid, OUT yes boolean) ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE ${mine}) $$`,
      predicate,
    },
    {
      name: 'returns_table',
      isLarge: true,
      setup: `CREATE FUNCTION c_orgs() RETURNS TABLE (org_id uuid, role text) ${declared} AS $$ SELECT m.org_id, m.role FROM public.members m WHERE m.user_id = auth.uid() $$`,
      predicate: 'EXISTS (SELECT FROM c_orgs() o WHERE o.org_id = c_docs.org_id)',
    },
    {
      name: 'counted',
      setup: member(declared, `SELECT (SELECT count(*) FROM public.members m WHERE ${mine}) > 0`),
      predicate,
    },
    {
      name: 'counted_exists',
      setup: member(declared, `SELECT EXISTS (SELECT count(*) FROM public.members m WHERE ${mine})`),
      predicate,
    },
    {
      name: 'grouped',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT m.org_id FROM public.members m WHERE ${mine} GROUP BY m.org_id HAVING count(*) > 1)`,
      ),
      predicate,
    },
    {
      name: 'having_without_group',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m WHERE ${mine} HAVING count(*) = 0)`,
      ),
      predicate,
    },
    {
      name: 'windowed',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT row_number() OVER (), 1 FROM public.members m WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'ranked',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM (SELECT x.*, rank() OVER (PARTITION BY x.org_id ORDER BY x.level DESC) AS place FROM public.members x) m WHERE ${mine} AND m.place = 1)`,
      ),
      predicate,
    },
    {
      name: 'distinct_on',
      setup: member(
        declared,
        `SELECT org IN (SELECT DISTINCT ON (m.user_id) m.org_id FROM public.members m WHERE m.user_id = auth.uid() ORDER BY m.user_id, m.level DESC NULLS LAST)`,
      ),
      predicate,
    },
    {
      name: 'united',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m WHERE ${mine} UNION ALL SELECT FROM public.orgs o WHERE o.id = org AND o.owner_id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'excepted',
      setup: member(
        declared,
        `SELECT org IN (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid() EXCEPT SELECT o.id FROM public.orgs o WHERE o.is_open)`,
      ),
      predicate,
    },
    {
      name: 'with_query',
      setup: member(
        declared,
        `WITH mine AS (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid()) SELECT EXISTS (SELECT FROM mine WHERE mine.org_id = org)`,
      ),
      predicate,
    },
    {
      name: 'query_named_like_table',
      setup: member(
        definer,
        `SELECT EXISTS (WITH members AS (SELECT x.* FROM public.members x WHERE x.level > 0) SELECT FROM members m WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'recursive_query',
      setup: member(
        declared,
        `SELECT EXISTS (WITH RECURSIVE up AS (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid() UNION SELECT o.id FROM public.orgs o JOIN up ON o.owner_id = auth.uid()) SELECT FROM up WHERE up.org_id = org)`,
      ),
      predicate,
    },
    {
      name: 'left_join',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.orgs o LEFT JOIN public.members m ON m.org_id = o.id AND m.user_id = auth.uid() WHERE o.id = org AND (m.user_id IS NOT NULL OR o.owner_id = auth.uid()))`,
      ),
      predicate,
    },
    {
      name: 'left_join_keyed',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.profiles p LEFT JOIN public.members m ON m.user_id = p.id WHERE m.org_id = org AND p.id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'right_join',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m RIGHT JOIN public.orgs o ON o.id = m.org_id AND m.user_id = auth.uid() WHERE o.id = org AND auth.uid() IS NOT NULL)`,
      ),
      predicate,
    },
    {
      name: 'key_in_join',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m JOIN public.orgs o ON o.id = org AND o.id = m.org_id WHERE m.user_id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'lateral',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.orgs o, LATERAL (SELECT m.user_id FROM public.members m WHERE m.org_id = o.id) x WHERE o.id = org AND x.user_id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'using_join',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m JOIN public.members n USING (org_id) WHERE org_id = org AND m.user_id = auth.uid() AND n.role = 'owner')`,
      ),
      predicate,
    },
    {
      name: 'natural_join',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m NATURAL JOIN (SELECT id AS user_id FROM public.profiles) p WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'set_in_target',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT generate_series(1, 0) FROM public.members m WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'unnest_in_target',
      setup: member(
        declared,
        `SELECT org IN (SELECT unnest(ARRAY[m.org_id, NULL]) FROM public.members m WHERE m.user_id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'values_list',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM (VALUES (1, auth.uid())) v (number, person) JOIN public.members m ON m.user_id = v.person WHERE m.org_id = org)`,
      ),
      predicate,
    },
    {
      name: 'polymorphic',
      setup: `CREATE FUNCTION c_member(org anyelement) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id::text = org::text AND m.user_id = auth.uid()) $$`,
      predicate,
    },
    {
      name: 'overloaded',
      setup: `${member(declared, isMember())} CREATE FUNCTION c_member(org text) RETURNS boolean ${declared} AS $$ SELECT true $$`,
      predicate,
    },
    {
      name: 'overloaded_with_default',
      setup: `${member(declared, isMember())} CREATE FUNCTION c_member(org text, wanted text DEFAULT 'owner') RETURNS boolean ${declared} AS $$ SELECT auth.uid() IS NOT NULL $$`,
      predicate: 'c_member(org_text)',
    },
    {
      name: 'variadic',
      setup: `CREATE FUNCTION c_member(VARIADIC orgs uuid[]) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = ANY (orgs) AND m.user_id = auth.uid()) $$`,
      predicate,
    },
    {
      name: 'row_argument',
      setup: `CREATE FUNCTION c_sees(doc c_docs) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = doc.org_id AND m.user_id = auth.uid()) $$`,
      predicate: 'c_sees(c_docs)',
    },
    {
      name: 'row_argument_raising',
      setup: `CREATE FUNCTION c_sees(doc c_docs) RETURNS boolean ${inPlpgsql} AS $$ BEGIN RETURN 10 / doc.level > 3; END $$`,
      predicate: 'c_sees(c_docs)',
    },
    {
      name: 'default_argument',
      setup: `CREATE FUNCTION c_member(org uuid, wanted text DEFAULT current_setting('app.role', true)) RETURNS boolean ${declared} AS $$ ${isMember('m.role = coalesce(wanted, m.role)')} $$`,
      predicate,
    },
    {
      name: 'named_arguments',
      setup: `CREATE FUNCTION c_has(org uuid, wanted text) RETURNS boolean ${declared} AS $$ ${isMember('m.role = wanted')} $$`,
      predicate: `c_has(wanted => 'owner', org => org_id)`,
    },
    {
      name: 'argument_named_like_column',
      setup: `CREATE FUNCTION c_member(org_id uuid) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org_id AND m.user_id = auth.uid()) $$`,
      predicate,
    },
    {
      name: 'argument_named_like_column_qualified',
      setup: `CREATE FUNCTION c_member(org_id uuid) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = c_member.org_id AND m.user_id = auth.uid()) $$`,
      predicate,
    },
    {
      name: 'argument_ambiguous_plpgsql',
      setup: `CREATE FUNCTION c_member(org_id uuid) RETURNS boolean ${inPlpgsql} AS $$ BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org_id AND m.user_id = auth.uid()); END $$`,
      predicate,
    },
    {
      name: 'argument_wins_plpgsql',
      setup: `CREATE FUNCTION c_member(org_id uuid) RETURNS boolean ${inPlpgsql} AS $$ #variable_conflict use_variable
      BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org_id AND m.user_id = auth.uid()); END $$`,
      predicate,
    },
    {
      name: 'column_wins_plpgsql',
      setup: `CREATE FUNCTION c_member(org_id uuid) RETURNS boolean ${inPlpgsql} AS $$ #variable_conflict use_column
      BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org_id AND m.user_id = auth.uid()); END $$`,
      predicate,
    },
    {
      name: 'or_administrator',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m WHERE (m.org_id = org OR m.role = 'admin') AND m.user_id = auth.uid())`,
      ),
      predicate,
    },
    {
      name: 'member_or_admin',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m WHERE ${mine}) OR EXISTS (SELECT FROM public.profiles p WHERE p.id = auth.uid() AND p.is_admin)`,
      ),
      predicate,
    },
    {
      name: 'lower_of_key',
      setup: `CREATE FUNCTION c_has(key text) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE lower(m.role) = lower(key) AND m.user_id = auth.uid()) $$`,
      predicate: 'c_has(kind)',
    },
    {
      name: 'only_table',
      setup: `CREATE TABLE c_members (LIKE members); CREATE TABLE c_guests () INHERITS (c_members); ${member(declared, `SELECT EXISTS (SELECT FROM ONLY public.c_members m WHERE ${mine})`)}`,
      rows: `INSERT INTO c_members SELECT * FROM members WHERE role = 'owner'; INSERT INTO c_guests SELECT * FROM members`,
      predicate,
    },
    {
      name: 'inherited_table',
      setup: `CREATE TABLE c_members (LIKE members); CREATE TABLE c_guests () INHERITS (c_members); ${member(declared, `SELECT EXISTS (SELECT FROM public.c_members m WHERE ${mine})`)}`,
      rows: `INSERT INTO c_members SELECT * FROM members WHERE role = 'owner'; INSERT INTO c_guests SELECT * FROM members`,
      predicate,
    },
    {
      name: 'sampled',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m TABLESAMPLE system (100) WHERE ${mine})`,
      ),
      predicate,
    },
    {
      name: 'locked_rows',
      setup: member(declared, `SELECT EXISTS (SELECT FROM public.members m WHERE ${mine} FOR SHARE)`),
      predicate,
    },
    {
      name: 'odd_names',
      setup: `CREATE TABLE "c_Odd "" members" ("org id" uuid, "user" uuid); GRANT SELECT ON "c_Odd "" members" TO PUBLIC; CREATE FUNCTION "c_Is ""member"("The Org" uuid) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public."c_Odd "" members" WHERE "org id" = "The Org" AND "user" = auth.uid()) $$`,
      rows: 'INSERT INTO "c_Odd "" members" SELECT org_id, user_id FROM members',
      predicate: '"c_Is ""member"(org_id)',
    },
    { name: 'whole_row', setup: member(declared, isMember('m IS NOT NULL')), predicate },
    {
      name: 'table_oid',
      setup: member(declared, isMember(`m.tableoid = 'public.members'::regclass`)),
      predicate,
    },
    {
      name: 'subselect_unqualified',
      setup: member(definer, isMember('m.org_id IN (SELECT o.id FROM orgs o WHERE o.is_open)')),
      predicate,
    },
    {
      name: 'subselect_of_argument',
      setup: member(declared, isMember('m.org_id IN (SELECT o.id FROM public.orgs o WHERE o.id = org)')),
      predicate,
    },
    {
      name: 'array_of_orgs',
      setup: member(
        declared,
        'SELECT org = ANY (ARRAY(SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid()))',
      ),
      predicate,
    },
    {
      name: 'any_of_orgs',
      setup: member(
        declared,
        'SELECT org = ANY (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid())',
      ),
      predicate,
    },
    {
      name: 'all_of_orgs',
      setup: member(
        declared,
        'SELECT org = ALL (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid())',
      ),
      predicate,
    },
    {
      name: 'row_compared',
      setup: member(
        declared,
        'SELECT EXISTS (SELECT FROM public.members m WHERE (m.org_id, m.user_id) = (org, auth.uid()))',
      ),
      predicate,
    },
    {
      name: 'not_exists_blocked',
      setup: member(
        declared,
        `SELECT NOT EXISTS (SELECT FROM public.members m WHERE ${mine} AND m.is_blocked)`,
      ),
      predicate,
    },
    {
      name: 'exists_in_strings',
      setup: member(
        declared,
        `SELECT EXISTS (SELECT FROM public.members m WHERE ${mine} AND m.role = ANY (string_to_array('owner,viewer', ',')))`,
      ),
      predicate,
    },
    { name: 'today', setup: member(declared, isMember(`m.level <= extract(year FROM now())`)), predicate },
    {
      name: 'case_condition',
      setup: member(declared, isMember(`CASE WHEN m.level IS NULL THEN true ELSE m.level > 0 END`)),
      predicate,
      mustRewrite: true,
    },
    {
      name: 'wrapped_admin',
      mustRewrite: true,
      setup: allowed(
        declared,
        'SELECT EXISTS (SELECT FROM public.profiles p WHERE p.id = auth.uid() AND p.is_admin)',
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'wrapped_array',
      mustRewrite: true,
      setup: `CREATE FUNCTION c_orgs() RETURNS uuid[] ${declared} AS $$ SELECT array_agg(m.org_id) FROM public.members m WHERE m.user_id = auth.uid() $$`,
      predicate: 'org_id = ANY (c_orgs())',
    },
    {
      name: 'wrapped_role',
      mustRewrite: true,
      setup: `CREATE FUNCTION c_role() RETURNS text ${declared} AS $$ SELECT min(m.role) FROM public.members m WHERE m.user_id = auth.uid() $$`,
      predicate: `c_role() IN ('owner', 'admin')`,
    },
  ],
}
