import type { BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, invoker, isMember, member, plpgsql } from './member.ts'
import { ids, signedIn } from './world.ts'

const predicate = 'c_member(org_id)'

/** Settings that a function brings, and settings of the session that change what a body means. */
export const settings: BodyGroup = {
  name: 'settings',
  cases: [
    {
      name: 'row_security_off',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (user_id = auth.uid());
        ${member(`${invoker} ${emptyPath} SET row_security = off`, isMember('true', 'public.c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
    },
    {
      name: 'row_security_off_nested',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (user_id = auth.uid());
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} ${emptyPath} SET row_security = off AS $$ SELECT EXISTS (SELECT FROM public.c_members x WHERE x.user_id = person) $$;
        ${member(`${invoker} ${emptyPath}`, isMember('public.c_known(m.user_id)'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
    },
    {
      name: 'row_security_off_by_session',
      setup: `CREATE TABLE c_members (LIKE members); GRANT SELECT ON c_members TO PUBLIC; ALTER TABLE c_members ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON c_members USING (user_id = auth.uid());
        ${member(`${invoker} ${emptyPath}`, isMember('true', 'public.c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
      identities: { 'ada without row security': signedIn(ids.ada, { row_security: 'off' }) },
    },
    {
      name: 'level_set_by_function',
      setup: `CREATE FUNCTION c_at_least() RETURNS int ${invoker} ${emptyPath} AS $$ SELECT current_setting('app.level', true)::int $$;
        ${member(`${definer} ${emptyPath}`, isMember('m.level >= public.c_at_least()'))}`,
      superuser: `ALTER FUNCTION c_member(uuid) SET app.level = '1'`,
      predicate,
    },
    {
      name: 'level_set_by_nested',
      setup: `CREATE FUNCTION c_at_least() RETURNS int ${invoker} ${emptyPath} AS $$ SELECT current_setting('app.level', true)::int $$;
        ${member(`${definer} ${emptyPath}`, isMember('m.level >= public.c_at_least()'))}`,
      superuser: `ALTER FUNCTION c_at_least() SET app.level = '1'`,
      predicate,
    },
    {
      name: 'timeout_set',
      setup: member(`${definer} ${emptyPath} SET statement_timeout = '5s'`, isMember()),
      predicate,
    },
    {
      name: 'role_set',
      setup: member(
        `${invoker} ${emptyPath} SET role = 'r_other'`,
        isMember(`current_user = 'authenticated'`),
      ),
      predicate,
    },
    {
      name: 'role_set_nested',
      setup: `CREATE FUNCTION c_other() RETURNS boolean ${invoker} ${emptyPath} SET role = 'anon' AS $$ SELECT current_user = 'anon' $$; ${member(`${invoker} ${emptyPath}`, isMember('public.c_other()'))}`,
      predicate,
    },
    {
      name: 'role_set_in_definer',
      setup: `CREATE FUNCTION c_other() RETURNS boolean ${definer} ${emptyPath} SET role = 'anon' AS $$ SELECT true $$; ${member(`${invoker} ${emptyPath}`, isMember('public.c_other()'))}`,
      predicate,
    },
    {
      name: 'timezone_of_session',
      setup: member(
        `${definer} ${emptyPath}`,
        isMember(`'2026-11-20 12:00'::timestamptz < '2026-11-20 12:00+00'::timestamptz`),
      ),
      predicate,
      identities: {
        'ada in the east': signedIn(ids.ada, { TimeZone: 'Asia/Tokyo' }),
        'ada in the west': signedIn(ids.ada, { TimeZone: 'America/Lima' }),
      },
    },
    {
      name: 'timezone_direct',
      predicate: `'2026-11-20 12:00'::text::timestamptz < '2026-11-20 12:00+00'::timestamptz`,
      identities: { 'ada in the east': signedIn(ids.ada, { TimeZone: 'Asia/Tokyo' }) },
    },
    {
      name: 'datestyle_of_session',
      setup: member(`${definer} ${emptyPath}`, isMember(`'02/03/2026'::text::date = '2026-02-03'::date`)),
      predicate,
      identities: {
        'ada with days first': signedIn(ids.ada, { DateStyle: 'ISO, DMY' }),
        'ada with years first': signedIn(ids.ada, { DateStyle: 'ISO, YMD' }),
      },
    },
    {
      name: 'datestyle_set_nested',
      setup: `CREATE FUNCTION c_third() RETURNS boolean ${invoker} ${emptyPath} SET DateStyle = 'ISO, DMY' AS $$ SELECT '02/03/2026'::text::date = '2026-03-02'::date $$; ${member(`${definer} ${emptyPath}`, isMember('public.c_third()'))}`,
      predicate,
    },
    {
      name: 'backslashes',
      setup: member(`${definer} ${emptyPath}`, isMember(`m.role <> 'a\\\\b' AND length('\\\\') = 2`)),
      predicate,
      identities: { 'ada with old strings': signedIn(ids.ada, { standard_conforming_strings: 'off' }) },
    },
    {
      name: 'null_equals',
      setup: member(`${definer} ${emptyPath}`, isMember('m.is_blocked = NULL')),
      predicate,
      identities: {
        'ada with null equals': signedIn(ids.ada, { transform_null_equals: 'on' }),
        'bob with null equals': signedIn(ids.bob, { transform_null_equals: 'on' }),
      },
    },
    {
      name: 'intervals',
      setup: member(`${definer} ${emptyPath}`, isMember(`'-1 2:03'::text::interval < '0'::interval`)),
      predicate,
      identities: { 'ada with sql intervals': signedIn(ids.ada, { IntervalStyle: 'sql_standard' }) },
    },
    {
      name: 'bytea_text',
      setup: member(`${definer} ${emptyPath}`, isMember(`'\\\\x41'::bytea::text = '\\\\x41'`)),
      predicate,
      identities: { 'ada with escapes': signedIn(ids.ada, { bytea_output: 'escape' }) },
    },
    {
      name: 'float_digits',
      setup: member(`${definer} ${emptyPath}`, isMember(`(0.1::float8 + 0.2::float8)::text = '0.3'`)),
      predicate,
      identities: { 'ada with few digits': signedIn(ids.ada, { extra_float_digits: '-2' }) },
    },
    {
      name: 'set_config_in_body',
      setup: member(
        plpgsql,
        `BEGIN PERFORM set_config('app.seen', 'yes', true); RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      ),
      predicate,
    },
    {
      name: 'setting_of_nested',
      setup: `CREATE FUNCTION c_tenant() RETURNS uuid ${invoker} AS $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$; ${member(`${definer} ${emptyPath}`, 'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.org_id = public.c_tenant())')}`,
      predicate,
      unreadable: 'malformed claims',
    },
    {
      name: 'tenant_guarded',
      setup: `CREATE FUNCTION c_tenant() RETURNS uuid LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN nullif(current_setting('app.tenant', true), '')::uuid; EXCEPTION WHEN invalid_text_representation THEN RETURN NULL; END $$;`,
      predicate: 'org_id = c_tenant()',
      mustRewrite: true,
    },
    {
      name: 'tenant_by_pattern',
      setup: `CREATE FUNCTION c_tenant() RETURNS text LANGUAGE sql STABLE AS $$ SELECT substring(current_setting('app.tenant', true) FROM '^[0-9a-f-]{36}$') $$;`,
      predicate: 'org_id::text = c_tenant()',
      mustRewrite: true,
    },
    {
      name: 'allowed_by_level',
      setup: allowed(invoker, `SELECT coalesce(current_setting('app.level', true), '0') IN ('1', '9')`),
      predicate: 'c_allowed()',
      mustRewrite: true,
    },
  ],
}
