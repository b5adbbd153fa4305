import { signedIn, ids } from './world.ts'
import type { BodyGroup } from './bodyCase.ts'
import { definer, emptyPath, invoker, isMember, member, plpgsql, plpgsqlDefiner } from './member.ts'

const predicate = 'c_member(org_id)'

/** `c_members` in `public` and in a tenant's schema, with other rows in each. */
const twoTables = `
  CREATE TABLE public.c_members (org_id uuid, user_id uuid);
  CREATE TABLE tenant_a.c_members (org_id uuid, user_id uuid);
  GRANT SELECT ON public.c_members, tenant_a.c_members TO PUBLIC;`
const twoRows = `
  INSERT INTO public.c_members VALUES ('${ids.red}', '${ids.ada}'), ('${ids.green}', '${ids.bob}');
  INSERT INTO tenant_a.c_members VALUES ('${ids.green}', '${ids.ada}'), ('${ids.red}', '${ids.stranger}');`

const inTenant = {
  'ada in the tenant': signedIn(ids.ada, { search_path: 'tenant_a, public' }),
  'stranger in the tenant': signedIn(ids.stranger, { search_path: 'tenant_a, public' }),
}
const nowhere = { 'ada without a path': signedIn(ids.ada, { search_path: '' }) }

/** The stranger makes himself a member of everything. */
const withTemporaryTable = {
  'stranger with a table of his own': {
    ...signedIn(ids.stranger),
    prepares: `CREATE TEMPORARY TABLE c_members (org_id uuid, user_id uuid);
      INSERT INTO c_members VALUES ('${ids.red}', '${ids.stranger}'), ('${ids.blue}', '${ids.stranger}');
      GRANT SELECT ON c_members TO PUBLIC`,
  },
}

/** Where a name of a body is looked for. */
export const searchPaths: BodyGroup = {
  name: 'search paths',
  superuser:
    'CREATE SCHEMA "odd, schema"; CREATE SCHEMA authenticated; GRANT USAGE ON SCHEMA "odd, schema", authenticated TO PUBLIC; GRANT CREATE ON SCHEMA "odd, schema", authenticated TO casaora_owner',
  cases: [
    {
      name: 'path_public',
      mustRewrite: true,
      setup: member(`${definer} SET search_path = public`, isMember('true', 'members')),
      predicate,
    },
    {
      name: 'path_from_current',
      mustRewrite: true,
      setup: `SET search_path = public; ${member(`${definer} SET search_path FROM CURRENT`, isMember('true', 'members'))}`,
      predicate,
    },
    { name: 'no_path_unqualified', setup: member(definer, isMember('true', 'members')), predicate },
    {
      name: 'no_path_at_all_for_some',
      setup: member(invoker, isMember('true', 'members')),
      predicate,
      only: 'plain',
      identities: nowhere,
    },
    {
      name: 'no_path_two_schemas',
      setup: `${twoTables} ${member(invoker, isMember('true', 'c_members'))}`,
      rows: twoRows,
      predicate,
      identities: inTenant,
    },
    {
      name: 'no_path_definer_two_schemas',
      setup: `${twoTables} ${member(plpgsqlDefiner, 'BEGIN RETURN EXISTS (SELECT FROM c_members m WHERE m.org_id = org AND m.user_id = auth.uid()); END')}`,
      rows: twoRows,
      predicate,
      identities: inTenant,
    },
    {
      name: 'only_in_the_tenant',
      setup: `CREATE TABLE tenant_a.c_members (org_id uuid, user_id uuid); GRANT SELECT ON tenant_a.c_members TO PUBLIC;
        ${member(invoker, isMember('true', 'c_members'))}`,
      rows: `INSERT INTO tenant_a.c_members VALUES ('${ids.green}', '${ids.ada}')`,
      predicate,
      identities: inTenant,
    },
    {
      name: 'function_in_two_schemas',
      setup: `
        CREATE FUNCTION public.c_open(org uuid) RETURNS boolean ${invoker} AS $$ SELECT false $$;
        CREATE FUNCTION tenant_a.c_open(org uuid) RETURNS boolean ${invoker} AS $$ SELECT true $$;
        ${member(invoker, isMember('c_open(m.org_id)'))}`,
      predicate,
      identities: inTenant,
    },
    {
      name: 'function_in_the_tenant',
      setup: `
        CREATE FUNCTION tenant_a.c_open(org uuid) RETURNS boolean ${invoker} AS $$ SELECT true $$;
        ${member(invoker, isMember('c_open(m.org_id)'))}`,
      predicate,
      identities: inTenant,
    },
    {
      name: 'path_tenant_first',
      setup: `${twoTables} ${member(`${definer} SET search_path = tenant_a, public`, isMember('true', 'c_members'))}`,
      rows: twoRows,
      predicate,
    },
    {
      name: 'path_missing_schema',
      setup: `${twoTables} ${member(`${definer} SET search_path = tenant_of_nobody, public, tenant_a`, isMember('true', 'c_members'))}`,
      rows: twoRows,
      predicate,
    },
    {
      name: 'path_without_usage',
      setup: `CREATE SCHEMA c_hidden; CREATE TABLE c_hidden.c_members (org_id uuid, user_id uuid); CREATE TABLE public.c_members (org_id uuid, user_id uuid);
        GRANT SELECT ON c_hidden.c_members, public.c_members TO PUBLIC;
        ${member(`${invoker} SET search_path = c_hidden, public`, isMember('true', 'c_members'))}`,
      rows: `INSERT INTO c_hidden.c_members VALUES ('${ids.green}', '${ids.ada}'); INSERT INTO public.c_members VALUES ('${ids.red}', '${ids.ada}')`,
      predicate,
    },
    {
      name: 'path_user',
      setup: `CREATE TABLE authenticated.c_members (org_id uuid, user_id uuid); CREATE TABLE public.c_members (org_id uuid, user_id uuid);
        GRANT SELECT ON authenticated.c_members, public.c_members TO PUBLIC;
        ${member(`${invoker} SET search_path = "$user", public`, isMember('true', 'c_members'))}`,
      rows: `INSERT INTO authenticated.c_members VALUES ('${ids.green}', '${ids.ada}'); INSERT INTO public.c_members VALUES ('${ids.red}', '${ids.ada}'), ('${ids.green}', '${ids.bob}')`,
      predicate,
    },
    {
      name: 'path_user_definer',
      setup: `CREATE TABLE authenticated.c_members (org_id uuid, user_id uuid); CREATE TABLE public.c_members (org_id uuid, user_id uuid);
        GRANT SELECT ON authenticated.c_members, public.c_members TO PUBLIC;
        ${member(`${definer} SET search_path = "$user", public`, isMember('true', 'c_members'))}`,
      rows: `INSERT INTO authenticated.c_members VALUES ('${ids.green}', '${ids.ada}'); INSERT INTO public.c_members VALUES ('${ids.red}', '${ids.ada}')`,
      predicate,
    },
    {
      name: 'path_with_a_comma',
      setup: `CREATE TABLE "odd, schema".c_members (org_id uuid, user_id uuid); CREATE TABLE public.c_members (org_id uuid, user_id uuid);
        GRANT SELECT ON "odd, schema".c_members, public.c_members TO PUBLIC;
        ${member(`${definer} SET search_path = "odd, schema", public`, isMember('true', 'c_members'))}`,
      rows: `INSERT INTO "odd, schema".c_members VALUES ('${ids.green}', '${ids.ada}'); INSERT INTO public.c_members VALUES ('${ids.red}', '${ids.ada}')`,
      predicate,
    },
    {
      name: 'temporary_table',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;
        ${member(definer, isMember('true', 'c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: withTemporaryTable,
    },
    {
      name: 'temporary_table_before_public',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;
        ${member(`${definer} SET search_path = public`, isMember('true', 'c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: withTemporaryTable,
    },
    {
      name: 'temporary_table_first',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;
        ${member(`${definer} SET search_path = pg_temp, public`, isMember('true', 'c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: withTemporaryTable,
    },
    {
      name: 'temporary_table_last',
      mustRewrite: true,
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;
        ${member(`${definer} SET search_path = public, pg_temp`, isMember('true', 'c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: withTemporaryTable,
    },
    {
      name: 'temporary_table_in_nested',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC;
        CREATE FUNCTION c_level(person uuid) RETURNS bigint ${definer} AS $$ SELECT count(*) FROM c_members m WHERE m.user_id = person $$;
        ${member(definer, isMember('public.c_level(auth.uid()) > 1'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: withTemporaryTable,
    },
    {
      name: 'function_named_like_the_servers',
      setup: `CREATE FUNCTION quote_ident(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
        CREATE FUNCTION initcap(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'Owner'::text $$;
        ${member(`${definer} SET search_path = public, pg_catalog`, isMember(`initcap(m.role) = 'Owner'`))}`,
      predicate,
    },
    {
      name: 'function_that_fits_better',
      setup: `CREATE FUNCTION c_text(m text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT m $$;
        CREATE FUNCTION abs(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
        ${member(definer, isMember(`abs(m.role) = 'owner'`))}`,
      predicate,
    },
    {
      name: 'table_named_like_the_servers',
      setup: `CREATE TABLE public.pg_am (org_id uuid, user_id uuid); GRANT SELECT ON public.pg_am TO PUBLIC;
        ${member(`${definer} SET search_path = public, pg_catalog`, isMember('true', 'pg_am'))}`,
      rows: `INSERT INTO public.pg_am SELECT org_id, user_id FROM members`,
      predicate,
    },
    {
      name: 'view_unqualified',
      setup: `CREATE VIEW c_people AS SELECT * FROM members WHERE is_blocked IS NOT TRUE; GRANT SELECT ON c_people TO PUBLIC;
        ${member(`${definer} SET search_path = public`, isMember('true', 'c_people'))}`,
      predicate,
    },
    {
      name: 'materialized_view',
      setup: `CREATE MATERIALIZED VIEW c_people AS SELECT * FROM members WHERE is_blocked IS NOT TRUE; GRANT SELECT ON c_people TO PUBLIC;
        ${member(`${definer} SET search_path = public`, isMember('true', 'c_people'))}`,
      rows: 'REFRESH MATERIALIZED VIEW c_people',
      predicate,
    },
    {
      name: 'path_set_within',
      setup: `${twoTables} ${member(
        plpgsql,
        `BEGIN PERFORM set_config('search_path', 'tenant_a', true);
        RETURN EXISTS (SELECT FROM c_members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      )}`,
      rows: twoRows,
      predicate,
    },
    {
      name: 'current_schema_in_body',
      setup: member(invoker, isMember(`current_schema() = 'public'`)),
      predicate,
      identities: { ...inTenant, ...nowhere },
    },
    {
      name: 'schema_in_the_key_query',
      setup: member(definer, isMember(`'members'::regclass = m.tableoid`)),
      predicate,
      identities: nowhere,
    },
    {
      name: 'path_empty_own',
      mustRewrite: true,
      setup: member(
        `${plpgsqlDefiner} ${emptyPath}`,
        'BEGIN RETURN EXISTS (SELECT 1 FROM public.members m WHERE m.user_id = auth.uid() AND m.org_id = org); END',
      ),
      predicate,
      identities: { ...inTenant, ...nowhere },
    },
    {
      name: 'wrapped_by_path',
      mustRewrite: true,
      setup: `${twoTables} CREATE FUNCTION c_allowed() RETURNS boolean ${invoker} AS $$ SELECT count(*) > 0 FROM c_members m WHERE m.user_id = auth.uid() $$;`,
      rows: twoRows,
      predicate: 'c_allowed()',
      identities: inTenant,
    },
    {
      name: 'array_by_path',
      mustRewrite: true,
      setup: `${twoTables} CREATE FUNCTION c_orgs() RETURNS uuid[] ${invoker} AS $$ SELECT array_agg(m.org_id) FROM c_members m WHERE m.user_id = auth.uid() $$;`,
      rows: twoRows,
      predicate: 'org_id = ANY (c_orgs())',
      identities: inTenant,
    },
  ],
}
