import type { BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, invoker, isMember, member, plpgsql, plpgsqlDefiner } from './member.ts'

const predicate = 'c_member(org_id)'

/** Bodies that end with an error for some callers or some rows, and that nobody noticed while they were not reached. */
export const raising: BodyGroup = {
  name: 'errors',
  cases: [
    {
      name: 'must_be_signed_in',
      setup: member(
        plpgsqlDefiner,
        `BEGIN
        IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF;
        RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      ),
      predicate,
    },
    {
      name: 'nested_must_be_signed_in',
      setup: `CREATE FUNCTION c_caller() RETURNS uuid ${plpgsql} AS $$ BEGIN
          IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF; RETURN auth.uid(); END $$;
        ${member(`${definer} ${emptyPath}`, 'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = public.c_caller())')}`,
      predicate,
    },
    {
      name: 'caller_must_be_signed_in',
      setup: `CREATE FUNCTION c_caller() RETURNS uuid ${plpgsql} AS $$ BEGIN
          IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF; RETURN auth.uid(); END $$;`,
      predicate: 'owner_id = c_caller()',
    },
    {
      name: 'allowed_must_be_signed_in',
      setup: allowed(
        plpgsqlDefiner,
        `BEGIN
        IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF;
        RETURN EXISTS (SELECT FROM public.profiles p WHERE p.id = auth.uid() AND p.is_admin); END`,
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'allowed_behind_kind',
      setup: allowed(
        plpgsqlDefiner,
        `BEGIN
        IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF; RETURN true; END`,
      ),
      predicate: `kind = 'contract' AND c_allowed()`,
    },
    {
      name: 'role_into_strict',
      setup: `CREATE FUNCTION c_role() RETURNS text ${plpgsqlDefiner} AS $$ DECLARE found text; BEGIN
        SELECT m.role INTO STRICT found FROM public.members m WHERE m.user_id = auth.uid(); RETURN found; END $$;`,
      predicate: `c_role() = 'admin'`,
    },
    {
      name: 'orgs_into_strict',
      setup: `CREATE FUNCTION c_orgs() RETURNS uuid[] ${plpgsqlDefiner} AS $$ DECLARE person public.profiles; BEGIN
        SELECT p.* INTO STRICT person FROM public.profiles p WHERE p.id = auth.uid(); RETURN ARRAY[person.org_id]; END $$;`,
      predicate: 'org_id = ANY (c_orgs())',
    },
    {
      name: 'member_into_strict',
      setup: member(
        plpgsqlDefiner,
        `DECLARE found public.members; BEGIN
        SELECT m.* INTO STRICT found FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid();
        RETURN found.is_blocked IS NOT TRUE; END`,
      ),
      predicate,
    },
    {
      name: 'division_by_level',
      setup: member(definer, isMember('10 / m.level > 3')),
      predicate,
    },
    {
      name: 'division_guarded',
      setup: member(definer, isMember('CASE WHEN m.level > 0 THEN 10 / m.level > 3 ELSE false END')),
      predicate,
    },
    { name: 'overflow', setup: member(definer, isMember('m.level * 2000000000 > 0')), predicate },
    {
      name: 'claim_to_uuid',
      setup: member(
        definer,
        `SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.org_id = (auth.jwt() ->> 'org')::uuid)`,
      ),
      predicate,
    },
    {
      name: 'claim_to_int',
      setup: member(`${definer} ${emptyPath}`, isMember(`m.level >= (auth.jwt() ->> 'level')::int`)),
      predicate,
    },
    {
      name: 'claim_to_boolean',
      setup: member(definer, isMember(`(auth.jwt() ->> 'level')::boolean IS NOT FALSE`)),
      predicate,
    },
    {
      name: 'claim_to_time',
      setup: member(definer, isMember(`coalesce((auth.jwt() ->> 'level')::timestamptz, now()) <= now()`)),
      predicate,
    },
    {
      name: 'claim_as_pattern',
      setup: member(definer, isMember(`m.role ~ coalesce('(' || (auth.jwt() ->> 'level'), '')`)),
      predicate,
    },
    {
      name: 'claim_direct',
      predicate: `level <= (auth.jwt() ->> 'level')::int`,
    },
    { name: 'claim_direct_uuid', predicate: `org_id = (auth.jwt() ->> 'org')::uuid` },
    {
      name: 'claim_wrapped_allowed',
      setup: allowed(invoker, `SELECT (auth.jwt() ->> 'level')::int > 1`),
      predicate: 'c_allowed()',
    },
    {
      name: 'claim_array',
      setup: member(definer, isMember(`m.role IN (SELECT jsonb_array_elements_text(auth.jwt() -> 'roles'))`)),
      predicate,
    },
    {
      name: 'claim_array_from',
      setup: member(
        definer,
        `SELECT EXISTS (SELECT FROM jsonb_array_elements_text(auth.jwt() -> 'roles') AS r (org_text) WHERE r.org_text = org::text)`,
      ),
      predicate,
    },
    {
      name: 'json_path_strict',
      setup: member(
        definer,
        `SELECT EXISTS (SELECT FROM public.orgs o WHERE o.id = org AND o.owner_id = auth.uid() AND jsonb_path_exists(o.settings, 'strict $.plan'))`,
      ),
      predicate,
    },
    {
      name: 'json_seats',
      setup: member(
        definer,
        `SELECT EXISTS (SELECT FROM public.orgs o JOIN public.members m ON m.org_id = o.id WHERE o.id = org AND m.user_id = auth.uid() AND (o.settings ->> 'seats')::int > 1)`,
      ),
      predicate,
    },
    {
      name: 'row_text_to_uuid',
      setup: member(
        definer,
        'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_text::uuid = org AND m.user_id = auth.uid())',
      ),
      predicate,
    },
    {
      name: 'other_rows_text_to_uuid',
      setup: member(definer, isMember('m.org_text::uuid IS NOT NULL')),
      predicate,
    },
    {
      name: 'setting_required',
      setup: member(
        definer,
        `SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.org_text = current_setting('app.tenant'))`,
      ),
      predicate,
    },
    {
      name: 'setting_required_uuid',
      setup: member(
        invoker,
        `SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.org_id = current_setting('app.tenant')::uuid)`,
      ),
      predicate,
    },
    {
      name: 'setting_optional',
      mustRewrite: true,
      setup: member(`${definer} ${emptyPath}`, isMember(`m.org_text = current_setting('app.tenant', true)`)),
      predicate,
    },
    {
      name: 'setting_optional_cast',
      setup: member(definer, isMember(`m.level >= current_setting('app.level', true)::int`)),
      predicate,
    },
    { name: 'setting_direct', predicate: `org_id::text = current_setting('app.tenant')` },
    { name: 'setting_direct_uuid', predicate: `org_id = current_setting('app.tenant')::uuid` },
    {
      name: 'setting_direct_optional',
      mustRewrite: true,
      predicate: `org_id::text = current_setting('app.tenant', true)`,
    },
    {
      name: 'setting_in_allowed',
      setup: allowed(plpgsql, `BEGIN RETURN current_setting('app.level')::int > 3; END`),
      predicate: 'c_allowed()',
    },
    {
      name: 'setting_unknown',
      setup: allowed(invoker, `SELECT current_setting('app.nobody_sets') = 'on'`),
      predicate: 'c_allowed()',
    },
    {
      name: 'setting_of_the_server',
      setup: allowed(invoker, `SELECT current_setting('hba_file') IS NOT NULL`),
      predicate: 'c_allowed()',
    },
    {
      name: 'two_rows_as_one',
      setup: member(
        definer,
        'SELECT org = (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid())',
      ),
      predicate,
    },
    {
      name: 'two_rows_in_condition',
      setup: member(
        definer,
        isMember('m.role = (SELECT x.role FROM public.members x WHERE x.user_id = auth.uid())'),
      ),
      predicate,
    },
    {
      name: 'two_rows_wrapped',
      setup: `CREATE FUNCTION c_org() RETURNS uuid ${definer} AS $$ SELECT (SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid()) $$;`,
      predicate: 'org_id = c_org()',
    },
    {
      name: 'asserted',
      setup: allowed(plpgsql, `BEGIN ASSERT auth.uid() IS NOT NULL, 'nobody'; RETURN true; END`),
      predicate: 'c_allowed()',
    },
    {
      name: 'raises_for_unknown_org',
      setup: member(
        plpgsqlDefiner,
        `BEGIN
        IF NOT EXISTS (SELECT FROM public.orgs o WHERE o.id = org) THEN RAISE EXCEPTION 'no such organisation'; END IF;
        RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()); END`,
      ),
      predicate,
    },
    {
      name: 'raises_for_blocked',
      setup: `CREATE FUNCTION c_fine(is_blocked boolean) RETURNS boolean ${plpgsql} AS $$ BEGIN
        IF is_blocked THEN RAISE EXCEPTION 'blocked'; END IF; RETURN true; END $$;
        ${member(`${definer} ${emptyPath}`, isMember('public.c_fine(m.is_blocked)'))}`,
      predicate,
    },
    {
      name: 'no_return',
      setup: allowed(plpgsqlDefiner, `BEGIN IF auth.uid() IS NOT NULL THEN RETURN true; END IF; END`),
      predicate: 'c_allowed()',
    },
    {
      name: 'case_not_found',
      setup: allowed(
        plpgsql,
        `BEGIN CASE auth.jwt() ->> 'role' WHEN 'admin' THEN RETURN true; WHEN 'editor' THEN RETURN false; END CASE; END`,
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'swallows_all',
      mustRewrite: true,
      setup: allowed(
        plpgsql,
        `BEGIN RETURN (auth.jwt() ->> 'level')::int > 1; EXCEPTION WHEN OTHERS THEN RETURN false; END`,
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'swallows_within_member',
      setup: `CREATE FUNCTION c_level() RETURNS int ${plpgsql} AS $$ BEGIN RETURN (auth.jwt() ->> 'level')::int; EXCEPTION WHEN OTHERS THEN RETURN 0; END $$;
        ${member(`${definer} ${emptyPath}`, isMember('m.level >= public.c_level()'))}`,
      predicate,
    },
    {
      name: 'statement_raises_hint',
      setup: allowed(
        plpgsql,
        `BEGIN IF NOT coalesce((SELECT p.is_admin FROM public.profiles p WHERE p.id = auth.uid()), false) THEN
        RAISE insufficient_privilege USING MESSAGE = 'only for administrators'; END IF; RETURN true; END`,
      ),
      predicate: 'c_allowed()',
    },
    {
      name: 'set_raises',
      setup: `CREATE FUNCTION c_orgs() RETURNS SETOF uuid ${plpgsqlDefiner} AS $$ BEGIN
        IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF;
        RETURN QUERY SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid(); END $$;`,
      predicate: 'org_id IN (SELECT c_orgs())',
    },
    {
      name: 'set_raises_correlated',
      setup: `CREATE FUNCTION c_orgs() RETURNS SETOF uuid ${plpgsqlDefiner} AS $$ BEGIN
        IF auth.uid() IS NULL THEN RAISE EXCEPTION 'must be signed in'; END IF;
        RETURN QUERY SELECT m.org_id FROM public.members m WHERE m.user_id = auth.uid(); END $$;`,
      predicate: 'EXISTS (SELECT FROM c_orgs() o WHERE o = c_docs.org_id)',
      isLarge: true,
    },
    {
      name: 'argument_raises',
      setup: `CREATE FUNCTION c_has(org uuid, at_least int) RETURNS boolean ${definer} ${emptyPath} AS $$ ${isMember('m.level >= at_least')} $$;`,
      predicate: `c_has(org_id, (auth.jwt() ->> 'level')::int)`,
    },
    {
      name: 'argument_setting',
      setup: `CREATE FUNCTION c_has(org uuid, tenant text) RETURNS boolean ${definer} ${emptyPath} AS $$ ${isMember('m.org_text = tenant')} $$;`,
      predicate: `c_has(org_id, current_setting('app.tenant'))`,
    },
  ],
}
