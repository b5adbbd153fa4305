import type { BodyGroup } from './bodyCase.ts'
import { definer, emptyPath, invoker, isMember, member } from './member.ts'

const predicate = 'c_member(org_id)'

/** Operators, casts and types that a body finds by its path. They disturb others, so they have a database of their own. */
export const operators: BodyGroup = {
  name: 'operators and types',
  cases: [
    {
      name: 'own_equals',
      setup: `CREATE FUNCTION c_same(one uuid, other uuid) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT uuid_eq(one, other) IS NOT TRUE $$;
        CREATE OPERATOR public.= (FUNCTION = c_same, LEFTARG = uuid, RIGHTARG = uuid);
        ${member(`${definer} SET search_path = public, pg_catalog`, isMember('true', 'members'))}`,
      predicate,
    },
    {
      name: 'own_equals_not_on_path',
      setup: member(`${definer} ${emptyPath}`, isMember()),
      predicate,
    },
    {
      name: 'own_text_equals_nested',
      setup: `CREATE FUNCTION c_alike(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT upper(one) OPERATOR(pg_catalog.=) upper(other) $$;
        CREATE OPERATOR public.=== (FUNCTION = c_alike, LEFTARG = text, RIGHTARG = text);
        CREATE FUNCTION c_owner(role text) RETURNS boolean ${invoker} AS $$ SELECT role === 'OWNER' $$;
        ${member(definer, isMember('public.c_owner(m.role)'))}`,
      predicate,
    },
    {
      name: 'own_operator_in_body',
      setup: `CREATE FUNCTION c_alike(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT upper(one) OPERATOR(pg_catalog.=) upper(other) $$;
        CREATE OPERATOR public.<==> (FUNCTION = c_alike, LEFTARG = text, RIGHTARG = text);
        ${member(`${definer} SET search_path = public`, isMember(`m.role <==> 'OWNER'`))}`,
      predicate,
    },
    {
      name: 'own_enum_equals',
      setup: `CREATE TYPE c_code AS ENUM ('red', 'green'); CREATE TABLE c_keys (code c_code, user_id uuid); ALTER TABLE c_docs ADD COLUMN code text;
        CREATE FUNCTION c_same(one c_code, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT lower(other) OPERATOR(pg_catalog.=) one::text $$;
        CREATE OPERATOR public.= (FUNCTION = c_same, LEFTARG = c_code, RIGHTARG = text);
        CREATE FUNCTION c_has(key text) RETURNS boolean ${definer} SET search_path = public AS $$ SELECT EXISTS (SELECT FROM c_keys k WHERE k.code = key AND k.user_id = auth.uid()) $$`,
      rows: `INSERT INTO c_keys SELECT 'red', id FROM profiles`,
      documents: `UPDATE c_docs SET code = (ARRAY['red', 'RED', 'green'])[1 + id % 3]`,
      predicate: 'c_has(code)',
    },
    {
      name: 'own_enum_equals_correlated',
      isLarge: true,
      setup: `CREATE TYPE c_code AS ENUM ('red', 'green'); CREATE TABLE c_keys (code c_code, user_id uuid); GRANT SELECT ON c_keys TO PUBLIC; ALTER TABLE c_docs ADD COLUMN code text;
        CREATE FUNCTION c_same(one c_code, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT lower(other) OPERATOR(pg_catalog.=) one::text $$;
        CREATE OPERATOR public.= (FUNCTION = c_same, LEFTARG = c_code, RIGHTARG = text)`,
      rows: `INSERT INTO c_keys SELECT 'red', id FROM profiles`,
      documents: `UPDATE c_docs SET code = (ARRAY['red', 'RED', 'green'])[1 + id % 3]`,
      predicate: 'EXISTS (SELECT FROM c_keys k WHERE k.code = c_docs.code AND k.user_id = auth.uid())',
    },
    {
      name: 'enum_cast_by_path',
      setup: `CREATE TYPE c_role AS ENUM ('owner', 'viewer', 'admin'); ${member(`${definer} SET search_path = public`, isMember(`m.role::c_role >= 'viewer'::c_role`))}`,
      predicate,
    },
    {
      name: 'enum_claim',
      setup: `CREATE TYPE c_role AS ENUM ('owner', 'viewer', 'admin'); ${member(`${definer} SET search_path = public`, isMember(`m.role::c_role <= (auth.jwt() ->> 'role')::c_role`))}`,
      predicate,
    },
    {
      name: 'enum_in_two_schemas',
      setup: `CREATE TYPE c_role AS ENUM ('owner', 'viewer', 'admin'); CREATE TYPE tenant_a.c_role AS ENUM ('admin', 'viewer', 'owner');
        ${member(`${definer} SET search_path = tenant_a, public`, isMember(`m.role::c_role >= 'viewer'::c_role`))}`,
      predicate,
    },
    {
      name: 'domain_raises',
      setup: `CREATE DOMAIN c_level AS int CHECK (VALUE > 0); ${member(`${definer} ${emptyPath}`, isMember('m.level::public.c_level > 0'))}`,
      predicate,
    },
    {
      name: 'domain_column',
      setup: `CREATE DOMAIN c_level AS int CHECK (VALUE >= 0); CREATE TABLE c_members (org_id uuid, user_id uuid, level c_level); GRANT SELECT ON c_members TO PUBLIC;
        ${member(`${definer} ${emptyPath}`, isMember('m.level > 0', 'public.c_members'))}`,
      rows: 'INSERT INTO c_members SELECT org_id, user_id, level FROM members',
      predicate,
    },
    {
      name: 'domain_key',
      setup: `CREATE DOMAIN c_org AS uuid; CREATE TABLE c_members (org_id c_org, user_id uuid); GRANT SELECT ON c_members TO PUBLIC;
        ${member(`${definer} ${emptyPath}`, isMember('true', 'public.c_members'))}`,
      rows: 'INSERT INTO c_members SELECT org_id, user_id FROM members',
      predicate,
    },
    {
      name: 'cast_function_reads',
      setup: `CREATE TYPE c_badge AS (level int);
        CREATE FUNCTION c_badge_of(role text) RETURNS c_badge ${invoker} AS $$ SELECT ROW(count(*)::int)::public.c_badge FROM profiles $$;
        CREATE CAST (text AS c_badge) WITH FUNCTION c_badge_of(text);
        ${member(`${definer} SET search_path = public`, isMember('(m.role::c_badge).level > 0', 'members'))}`,
      predicate,
    },
    {
      name: 'collation_by_path',
      setup: `CREATE COLLATION c_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        ${member(`${definer} SET search_path = public`, isMember(`m.role = 'OWNER' COLLATE c_ci`, 'members'))}`,
      predicate,
    },
    {
      name: 'text_search_by_path',
      setup: `CREATE TEXT SEARCH CONFIGURATION c_plain (COPY = simple);
        ${member(`${definer} SET search_path = public`, isMember(`to_tsvector('c_plain', m.role) @@ 'owner'::tsquery`, 'members'))}`,
      predicate,
    },
    {
      name: 'distinct_uses_equals',
      setup: `CREATE FUNCTION c_never(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
        CREATE OPERATOR tenant_b.= (FUNCTION = c_never, LEFTARG = text, RIGHTARG = text);
        ${member(`${definer} SET search_path = tenant_b, pg_catalog, public`, isMember(`m.role IS DISTINCT FROM 'viewer'`, 'public.members'))}`,
      predicate,
    },
    {
      name: 'list_uses_equals',
      setup: `CREATE FUNCTION c_never(one text, other text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
        CREATE OPERATOR tenant_a.= (FUNCTION = c_never, LEFTARG = text, RIGHTARG = text);
        ${member(`${definer} SET search_path = tenant_a, pg_catalog, public`, isMember(`m.role IN ('owner', 'admin')`, 'public.members'))}`,
      predicate,
    },
    {
      name: 'case_uses_equals',
      setup: member(
        `${definer} SET search_path = tenant_a, pg_catalog, public`,
        isMember(`CASE m.role WHEN 'owner' THEN true ELSE false END`, 'public.members'),
      ),
      predicate,
    },
    {
      name: 'nested_uses_equals',
      setup: `CREATE FUNCTION c_owner(role text) RETURNS boolean ${invoker} AS $$ SELECT nullif(role, 'owner') IS NULL $$;
        ${member(`${definer} SET search_path = tenant_a, pg_catalog, public`, isMember('public.c_owner(m.role)', 'public.members'))}`,
      predicate,
    },
    {
      name: 'json_to_type_by_path',
      setup: `CREATE TYPE c_claims AS (org uuid, level int);
        ${member(`${definer} SET search_path = public`, isMember(`(jsonb_populate_record(NULL::c_claims, auth.jwt())).level > 0`, 'members'))}`,
      predicate,
    },
    {
      name: 'json_to_recordset',
      setup: `CREATE TYPE c_grant AS (org uuid);
        ${member(`${definer} SET search_path = public`, `SELECT EXISTS (SELECT FROM jsonb_populate_recordset(NULL::c_grant, auth.jwt() -> 'roles') g WHERE g.org = org)`)}`,
      predicate,
    },
  ],
}
