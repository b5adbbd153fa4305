import type { Application } from './applications.ts'

/** One way to write what a policy asks. */
export interface Shape {
  name: string
  /** The functions, called `f_...`; `f_` becomes the shape's own. */
  functions(application: Application): string
  /** What the policies ask. */
  predicate(application: Application): string
  /** What is said of it where it has to be called for every row. */
  stays?: RegExp
}

type Body = (application: Application) => string

/** With the aliases that the team writes. */
function written(body: string, { isBrief }: Application): string {
  return isBrief && !body.includes(' JOIN ') ? body.replaceAll(/\b[amg]\.(?=\w)/g, '') : body
}

const sql = (name: string, parameters: string, body: string, application: Application, returns = 'boolean') =>
  `CREATE FUNCTION public.${name}(${parameters}) RETURNS ${returns} LANGUAGE sql ${application.options} AS $$ ${written(body, application)} $$;`

const plpgsql = (name: string, parameters: string, body: string, application: Application) =>
  `CREATE FUNCTION public.${name}(${parameters}) RETURNS boolean LANGUAGE plpgsql ${application.options} AS $$ ${written(body, application)} $$;`

const mine: Body = ({ members, key }) =>
  `SELECT 1 FROM public.${members} m WHERE m.${key} = wanted AND m.user_id = auth.uid()`
const owned: Body = ({ groups }) =>
  `SELECT 1 FROM public.${groups} g WHERE g.id = wanted AND g.owner_id = auth.uid()`
const admin = (application: Application) =>
  sql(
    'f_is_admin',
    '',
    'SELECT EXISTS (SELECT 1 FROM public.admins a WHERE a.user_id = auth.uid())',
    application,
  )
const role = (application: Application) =>
  sql(
    'f_role',
    'wanted uuid',
    `SELECT m.role FROM public.${application.members} m WHERE m.${application.key} = wanted AND m.user_id = auth.uid()`,
    application,
    'text',
  )
const asked: Body = ({ key }) => `public.f_may(${key})`

/** An SQL function of the key of the row. */
const inSql = (name: string, body: Body, before: Body = () => ''): Shape => ({
  name,
  functions: (application) =>
    `${before(application)} ${sql('f_may', 'wanted uuid', body(application), application)}`,
  predicate: asked,
})

/** The same in PL/pgSQL. */
const inPlpgsql = (name: string, body: Body, before: Body = () => ''): Shape => ({
  name,
  functions: (application) =>
    `${before(application)} ${plpgsql('f_may', 'wanted uuid', body(application), application)}`,
  predicate: asked,
})

/** Functions and policies as teams write them. */
export const shapes: Shape[] = [
  inSql('one_exists', (each) => `SELECT EXISTS (${mine(each)})`),
  inSql('or_of_exists', (each) => `SELECT EXISTS (${mine(each)}) OR EXISTS (${owned(each)})`),
  inSql('union_of_exists', (each) => `SELECT EXISTS (${mine(each)} UNION ${owned(each)})`),
  inSql('arm_without_row', (each) => `SELECT public.f_is_admin() OR EXISTS (${mine(each)})`, admin),
  inSql('and_without_row', (each) => `SELECT auth.uid() IS NOT NULL AND EXISTS (${mine(each)})`),
  inSql(
    'nested_helpers',
    () => 'SELECT public.f_is_admin() OR public.f_member(wanted)',
    (each) =>
      `${admin(each)} ${sql('f_member', 'one uuid', `SELECT EXISTS (${mine(each).replace('wanted', 'one')})`, each)}`,
  ),
  inSql(
    'through_join',
    ({ groups, members, key }) =>
      `SELECT EXISTS (SELECT 1 FROM public.${groups} g JOIN public.${members} m ON m.${key} = g.id WHERE g.id = wanted AND m.user_id = auth.uid() AND m.is_active)`,
  ),
  inSql(
    'through_permissions',
    ({ members, key }) =>
      `SELECT EXISTS (SELECT 1 FROM public.${members} m JOIN public.permissions p ON p.role = m.role WHERE m.${key} = wanted AND m.user_id = auth.uid() AND p.action = 'write')`,
  ),
  inSql(
    'case_of_exists',
    (each) => `SELECT CASE WHEN public.f_is_admin() THEN true ELSE EXISTS (${mine(each)}) END`,
    admin,
  ),
  inSql('select_true', (each) => mine(each).replace('SELECT 1', 'SELECT true')),
  inSql(
    'coalesced',
    (each) => `SELECT coalesce((${mine(each).replace('SELECT 1', 'SELECT true')} LIMIT 1), false)`,
  ),
  inSql('count_of_rows', (each) => mine(each).replace('SELECT 1', 'SELECT count(*) > 0')),
  inSql('count_as_value', (each) => `SELECT (${mine(each).replace('SELECT 1', 'SELECT count(*)')}) > 0`),
  inSql('bool_or', (each) => mine(each).replace('SELECT 1', 'SELECT coalesce(bool_or(m.is_active), false)')),
  inSql('boolean_lookup', (each) => mine(each).replace('SELECT 1', 'SELECT m.is_active')),
  inSql(
    'owner_by_key',
    ({ groups }) => `SELECT (SELECT g.owner_id FROM public.${groups} g WHERE g.id = wanted) = auth.uid()`,
  ),
  inSql(
    'role_in_body',
    ({ roles }) => `SELECT public.f_role(wanted) IN ('${roles[0]}', '${roles[1]}')`,
    role,
  ),
  inSql(
    'role_or_none',
    ({ roles }) => `SELECT coalesce(public.f_role(wanted), 'none') = '${roles[0]}'`,
    role,
  ),
  inSql(
    'in_my_keys',
    () => 'SELECT wanted IN (SELECT public.f_keys())',
    ({ members, key, options }) =>
      `CREATE FUNCTION public.f_keys() RETURNS SETOF uuid LANGUAGE sql ${options} AS $$ SELECT m.${key} FROM public.${members} m WHERE m.user_id = auth.uid() $$;`,
  ),
  inSql(
    'in_a_query',
    ({ members, key }) =>
      `SELECT wanted IN (SELECT m.${key} FROM public.${members} m WHERE m.user_id = auth.uid())`,
  ),
  inSql(
    'not_banned',
    (each) => `SELECT EXISTS (${mine(each)}) AND NOT EXISTS (${mine(each)} AND NOT m.is_active)`,
  ),
  inSql('role_of_claims', (each) => `SELECT (auth.jwt() ->> 'level') = 'staff' OR EXISTS (${mine(each)})`),
  inSql('key_of_claims', (each) => `SELECT wanted::text = (auth.jwt() ->> 'org') OR EXISTS (${owned(each)})`),
  inSql('list_of_claims', (each) => `SELECT (auth.jwt() -> 'scopes') ? 'all' OR EXISTS (${mine(each)})`),
  inSql(
    'first_row',
    (each) => `SELECT (${mine(each).replace('SELECT 1', 'SELECT m.role')} LIMIT 1) = '${each.roles[0]}'`,
  ),
  inSql(
    'or_within',
    ({ groups, members, key }) =>
      `SELECT EXISTS (SELECT 1 FROM public.${groups} g WHERE g.id = wanted AND (g.owner_id = auth.uid() OR g.id IN (SELECT m.${key} FROM public.${members} m WHERE m.user_id = auth.uid() AND m.is_active)))`,
  ),
  {
    name: 'role_in_policy',
    functions: role,
    predicate: ({ key, roles }) => `public.f_role(${key}) IN ('${roles[0]}', '${roles[1]}')`,
  },
  {
    name: 'strict',
    functions: ({ members, key, options }) =>
      `CREATE FUNCTION public.f_may(wanted uuid, person uuid) RETURNS boolean LANGUAGE sql STRICT ${options} AS $$ SELECT EXISTS (SELECT 1 FROM public.${members} m WHERE m.${key} = wanted AND m.user_id = person) $$;`,
    predicate: ({ key }) => `public.f_may(${key}, auth.uid())`,
  },
  {
    name: 'default_argument',
    functions: (each) =>
      sql(
        'f_may',
        `wanted uuid, lowest text DEFAULT '${each.roles[0]}'`,
        `SELECT EXISTS (${mine(each)} AND m.role = lowest)`,
        each,
      ),
    predicate: asked,
  },
  {
    name: 'variadic',
    functions: (each) =>
      sql(
        'f_may',
        'wanted uuid, VARIADIC roles text[]',
        `SELECT EXISTS (${mine(each)} AND m.role = ANY (roles))`,
        each,
      ),
    predicate: ({ key, roles }) => `public.f_may(${key}, '${roles[0]}', '${roles[2]}')`,
  },
  {
    name: 'two_columns',
    functions: (each) =>
      sql(
        'f_may',
        'wanted uuid, author uuid',
        `SELECT author = auth.uid() OR EXISTS (${mine(each)} AND m.is_active)`,
        each,
      ),
    predicate: ({ key }) => `public.f_may(${key}, author_id)`,
  },
  inPlpgsql('return_exists', (each) => `BEGIN RETURN EXISTS (${mine(each)}); END`),
  inPlpgsql(
    'if_elsif',
    (each) =>
      `BEGIN IF public.f_is_admin() THEN RETURN true; ELSIF EXISTS (${owned(each)}) THEN RETURN true; ELSE RETURN EXISTS (${mine(each)} AND m.is_active); END IF; END`,
    admin,
  ),
  inPlpgsql(
    'select_into',
    (each) =>
      `DECLARE found_role text; BEGIN ${mine(each).replace('SELECT 1', 'SELECT m.role INTO found_role')}; RETURN found_role IN ('${each.roles[0]}', '${each.roles[2]}'); END`,
  ),
  inPlpgsql('found', (each) => `BEGIN ${mine(each).replace('SELECT', 'PERFORM')}; RETURN FOUND; END`),
  inPlpgsql(
    'not_found',
    (each) =>
      `DECLARE active boolean; BEGIN ${mine(each).replace('SELECT 1', 'SELECT m.is_active INTO active')}; IF NOT FOUND THEN RETURN EXISTS (${owned(each)}); END IF; RETURN active; END`,
  ),
  inPlpgsql(
    'assigned_once',
    (each) =>
      `DECLARE allowed boolean := false; BEGIN allowed := EXISTS (${mine(each)}); IF allowed THEN RETURN true; END IF; RETURN public.f_is_admin(); END`,
    admin,
  ),
  inPlpgsql(
    'case_statement',
    (each) =>
      `DECLARE found_role text; BEGIN ${mine(each).replace('SELECT 1', 'SELECT m.role INTO found_role')}; CASE found_role WHEN '${each.roles[0]}' THEN RETURN true; WHEN '${each.roles[1]}' THEN RETURN true; ELSE RETURN false; END CASE; END`,
  ),
  {
    ...inSql(
      'not_an_equality',
      ({ members, key }) =>
        `SELECT EXISTS (SELECT 1 FROM public.${members} m WHERE m.${key} >= wanted AND m.user_id = auth.uid())`,
    ),
    stays: /key = argument/,
  },
  {
    ...inPlpgsql(
      'raises',
      (each) =>
        `BEGIN IF wanted IS NULL THEN RAISE EXCEPTION 'no key'; END IF; RETURN EXISTS (${mine(each)}); END`,
    ),
    stays: /RAISE EXCEPTION/,
  },
  {
    ...inPlpgsql(
      'loop',
      ({ members, key }) =>
        `DECLARE one record; BEGIN FOR one IN SELECT m.${key} AS id FROM public.${members} m WHERE m.user_id = auth.uid() LOOP IF one.id = wanted THEN RETURN true; END IF; END LOOP; RETURN false; END`,
    ),
    stays: /body/,
  },
]
