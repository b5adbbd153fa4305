import type { BodyCase, BodyGroup } from './bodyCase.ts'
import { allowed, definer, emptyPath, invoker, isMember, member, plpgsql, plpgsqlDefiner } from './member.ts'

const predicate = 'c_member(org_id)'

/** A membership function without a path of its own that asks `c_active`, which is declared as given. */
function nested(name: string, active: string, rest: Partial<BodyCase> = {}): BodyCase {
  return {
    name,
    setup: `${active}; ${member(definer, isMember('public.c_active(m.user_id)'))}`,
    predicate,
    ...rest,
  }
}

function active(declared: string, body: string): string {
  return `CREATE FUNCTION c_active(person uuid) RETURNS boolean ${declared} AS $body$ ${body} $body$`
}

const hasProfile = 'SELECT EXISTS (SELECT FROM profiles p WHERE p.id = person)'
const hasPublicProfile = 'SELECT EXISTS (SELECT FROM public.profiles p WHERE p.id = person)'

/** Functions that call others: what these mean hangs on the path and the rights under which they are called. */
export const nestedCalls: BodyGroup = {
  name: 'nested calls',
  cases: [
    {
      name: 'own_tables',
      mustRewrite: true,
      setup: member(`${definer} ${emptyPath}`, isMember()),
      predicate,
    },
    nested('nested_unqualified', active(invoker, hasProfile)),
    nested('nested_definer_unqualified', active(definer, hasProfile)),
    nested(
      'nested_plpgsql_unqualified',
      active(plpgsql, `BEGIN RETURN EXISTS (SELECT FROM profiles p WHERE p.id = person); END`),
    ),
    {
      name: 'nested_in_invoker',
      setup: `${active(invoker, hasProfile)}; ${member(invoker, isMember('public.c_active(m.user_id)'))}`,
      predicate,
    },
    {
      name: 'nested_in_plpgsql',
      setup: `${active(invoker, hasProfile)};
        ${member(plpgsqlDefiner, 'BEGIN RETURN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid() AND public.c_active(m.user_id)); END')}`,
      predicate,
    },
    {
      name: 'nested_two_deep',
      setup: `
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} AS $$ ${hasProfile} $$;
        ${active(invoker, 'SELECT public.c_known(person)')};
        ${member(definer, isMember('public.c_active(m.user_id)'))}`,
      predicate,
    },
    {
      name: 'nested_three_deep',
      setup: `
        CREATE FUNCTION c_deepest(person uuid) RETURNS boolean ${plpgsql} AS $$ BEGIN RETURN (SELECT count(*) > 0 FROM profiles p WHERE p.id = person); END $$;
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} AS $$ SELECT public.c_deepest(person) $$;
        ${active(invoker, 'SELECT public.c_known(person)')};
        ${member(definer, isMember('public.c_active(m.user_id)'))}`,
      predicate,
    },
    {
      name: 'nested_six_deep',
      setup: `
        CREATE FUNCTION c_f6(person uuid) RETURNS boolean ${invoker} AS $$ ${hasProfile} $$;
        ${[5, 4, 3, 2, 1].map((at) => `CREATE FUNCTION c_f${at}(person uuid) RETURNS boolean ${invoker} AS $$ SELECT public.c_f${at + 1}(person) $$;`).join('\n')}
        ${member(definer, isMember('public.c_f1(m.user_id)'))}`,
      predicate,
    },
    {
      name: 'nested_function_unqualified',
      setup: `
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} AS $$ ${hasPublicProfile} $$;
        ${active(invoker, 'SELECT c_known(person)')};
        ${member(definer, isMember('public.c_active(m.user_id)'))}`,
      predicate,
    },
    {
      name: 'nested_after_own_path',
      setup: `
        CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} AS $$ ${hasProfile} $$;
        ${active(`${invoker} SET search_path = public`, 'SELECT c_known(person)')};
        ${member(definer, isMember('public.c_active(m.user_id)'))}`,
      predicate,
    },
    nested('nested_own_path', active(`${invoker} SET search_path = public`, hasProfile), {
      mustRewrite: true,
    }),
    nested('nested_own_empty_path', active(`${invoker} ${emptyPath}`, hasPublicProfile), {
      mustRewrite: true,
    }),
    nested('nested_qualified', active(invoker, hasPublicProfile), { mustRewrite: true }),
    nested(
      'nested_atomic',
      `CREATE FUNCTION c_active(person uuid) RETURNS boolean LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT FROM profiles p WHERE p.id = person); END`,
    ),
    nested(
      'nested_atomic_calls_text',
      `CREATE FUNCTION c_known(person uuid) RETURNS boolean ${invoker} AS $$ ${hasProfile} $$;
       CREATE FUNCTION c_active(person uuid) RETURNS boolean LANGUAGE sql STABLE RETURN c_known(person)`,
    ),
    nested(
      'nested_swallows_undefined_table',
      active(
        plpgsql,
        `BEGIN RETURN EXISTS (SELECT FROM profiles p WHERE p.id = person);
      EXCEPTION WHEN undefined_table THEN RETURN false; END`,
      ),
    ),
    nested(
      'nested_swallows_into_true',
      active(
        plpgsql,
        `BEGIN RETURN EXISTS (SELECT FROM profiles p WHERE p.id = person AND p.is_admin);
      EXCEPTION WHEN OTHERS THEN RETURN true; END`,
      ),
    ),
    nested('nested_to_regclass', active(invoker, `SELECT to_regclass('profiles') IS NOT NULL`)),
    nested('nested_regclass_literal', active(invoker, `SELECT 'profiles'::regclass::oid > 0`)),
    nested('nested_regprocedure', active(invoker, `SELECT to_regproc('c_active') IS NULL`)),
    nested('nested_current_schema', active(invoker, `SELECT current_schema() = 'public'`)),
    nested('nested_current_schemas', active(invoker, `SELECT 'public' = ANY (current_schemas(false))`)),
    nested('nested_path_setting', active(invoker, `SELECT current_setting('search_path') LIKE '%public%'`)),
    nested(
      'nested_table_is_visible',
      active(invoker, `SELECT pg_table_is_visible('public.profiles'::regclass)`),
    ),
    nested('nested_regclass_text', active(invoker, `SELECT 'public.profiles'::regclass::text = 'profiles'`)),
    nested(
      'nested_dynamic',
      active(
        plpgsql,
        `DECLARE found boolean; BEGIN EXECUTE 'SELECT EXISTS (SELECT FROM profiles WHERE id = $1)' INTO found USING person; RETURN found; END`,
      ),
    ),
    nested(
      'nested_format_dynamic',
      active(
        plpgsql,
        `DECLARE found boolean; BEGIN EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = %L)', 'profiles', person) INTO found; RETURN found; END`,
      ),
    ),
    nested(
      'nested_query_to_xml',
      active(
        invoker,
        `SELECT query_to_xml('SELECT id FROM profiles', false, false, '')::text LIKE '%' || person || '%'`,
      ),
    ),
    nested(
      'nested_rowtype',
      active(
        plpgsql,
        `DECLARE p profiles%ROWTYPE; BEGIN SELECT * INTO p FROM public.profiles x WHERE x.id = person; RETURN p.id IS NOT NULL; END`,
      ),
    ),
    nested(
      'nested_column_type',
      active(
        plpgsql,
        `DECLARE l profiles.level%TYPE; BEGIN SELECT x.level INTO l FROM public.profiles x WHERE x.id = person; RETURN l >= 0; END`,
      ),
    ),
    nested(
      'nested_default_argument',
      `
      CREATE FUNCTION c_least() RETURNS int ${invoker} AS $$ SELECT min(level) FROM profiles $$;
      CREATE FUNCTION c_active(person uuid, at_least int DEFAULT c_least()) RETURNS boolean ${invoker}
        AS $$ SELECT EXISTS (SELECT FROM public.profiles p WHERE p.id = person AND p.level >= at_least) $$`,
    ),
    {
      name: 'nested_set_in_from',
      setup: `
        CREATE FUNCTION c_orgs(person uuid) RETURNS SETOF members ${invoker} AS $$ SELECT * FROM members m WHERE m.user_id = person $$;
        ${member(definer, 'SELECT EXISTS (SELECT FROM public.c_orgs(auth.uid()) m WHERE m.org_id = org)')}`,
      predicate,
    },
    {
      name: 'nested_in_join',
      setup: `
        CREATE FUNCTION c_admins() RETURNS SETOF uuid ${invoker} AS $$ SELECT p.id FROM profiles p WHERE p.is_admin $$;
        ${member(definer, 'SELECT EXISTS (SELECT FROM public.members m JOIN public.c_admins() a ON a = m.user_id WHERE m.org_id = org AND m.user_id = auth.uid())')}`,
      predicate,
    },
    {
      name: 'nested_in_view',
      setup: `${active(invoker, hasProfile)};
        CREATE VIEW c_active_members AS SELECT m.* FROM members m WHERE c_active(m.user_id);
        GRANT SELECT ON c_active_members TO PUBLIC;
        ${member(definer, isMember('true', 'public.c_active_members'))}`,
      predicate,
    },
    {
      name: 'nested_in_view_column',
      setup: `
        CREATE FUNCTION c_person(person uuid) RETURNS uuid ${plpgsql} AS $$ BEGIN RETURN (SELECT p.id FROM profiles p WHERE p.id = person); END $$;
        CREATE VIEW c_people AS SELECT m.org_id, c_person(m.user_id) AS user_id FROM members m;
        GRANT SELECT ON c_people TO PUBLIC;
        ${member(invoker, isMember('true', 'public.c_people'))}`,
      predicate,
    },
    {
      name: 'nested_in_policy_of_members',
      setup: `${active(invoker, hasProfile)};
        CREATE TABLE c_members (LIKE members); ALTER TABLE c_members ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON c_members TO PUBLIC;
        CREATE POLICY active ON c_members USING (c_active(user_id));
        ${member(invoker, isMember('true', 'public.c_members'))}`,
      rows: 'INSERT INTO c_members SELECT * FROM members',
      predicate,
    },
    {
      name: 'nested_in_aggregate',
      setup: `
        CREATE FUNCTION c_step(so_far int, level int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT so_far + (SELECT count(*)::int FROM profiles) $$;
        CREATE AGGREGATE c_weight (int) (SFUNC = c_step, STYPE = int, INITCOND = '0');
        ${member(definer, isMember('(SELECT public.c_weight(p.level) FROM public.profiles p) > 0'))}`,
      predicate,
    },
    {
      name: 'nested_in_operator',
      setup: `
        CREATE FUNCTION c_likes(one uuid, other text) RETURNS boolean ${invoker} AS $$ SELECT EXISTS (SELECT FROM profiles p WHERE p.id = one) $$;
        CREATE OPERATOR public.~~~ (FUNCTION = c_likes, LEFTARG = uuid, RIGHTARG = text);
        ${member(definer, isMember(`m.user_id OPERATOR(public.~~~) 'x'::text`))}`,
      predicate,
    },
    {
      name: 'nested_in_cast',
      setup: `
        CREATE TYPE c_badge AS (level int);
        CREATE FUNCTION c_badge_of(person uuid) RETURNS c_badge ${invoker} AS $$ SELECT ROW(p.level)::public.c_badge FROM profiles p WHERE p.id = person $$;
        CREATE FUNCTION c_badge_of(person text) RETURNS c_badge ${invoker} AS $$ SELECT ROW(p.level)::public.c_badge FROM profiles p WHERE p.id = person::uuid $$;
        CREATE CAST (text AS c_badge) WITH FUNCTION c_badge_of(text);
        ${member(definer, isMember('((m.user_id::text)::public.c_badge).level >= 0'))}`,
      predicate,
    },
    {
      name: 'nested_in_domain_check',
      setup: `
        CREATE FUNCTION c_checked(level int) RETURNS boolean ${plpgsql} AS $$ BEGIN RETURN level <= (SELECT max(p.level) FROM profiles p); END $$;
        CREATE DOMAIN c_level AS int CHECK (c_checked(VALUE));
        ${member(definer, isMember('m.level::public.c_level >= 0'))}`,
      predicate,
    },
    {
      name: 'nested_wrapped',
      mustRewrite: true,
      setup: `${active(plpgsql, `BEGIN RETURN EXISTS (SELECT FROM profiles p WHERE p.id = person); END`)};
        ${allowed(definer, 'SELECT coalesce(public.c_active(auth.uid()), false)')}`,
      predicate: 'c_allowed()',
    },
  ],
}
