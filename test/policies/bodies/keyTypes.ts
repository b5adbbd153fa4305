import type { BodyGroup } from './bodyCase.ts'
import { definer, emptyPath, invoker, isMember, member } from './member.ts'
import { ids } from './world.ts'

const declared = `${definer} ${emptyPath}`
const has = (type: string, condition: string) =>
  `CREATE FUNCTION c_has(key ${type}) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE ${condition} AND m.user_id = auth.uid()) $$;`
/** A table of keys of one type, and a column of another one in the documents. */
const keyed = (of: { key: string; column: string; argument?: string; rows: string; docs: string }) => ({
  setup: `CREATE TABLE c_keys (code ${of.key}, user_id uuid); GRANT SELECT ON c_keys TO PUBLIC; ALTER TABLE c_docs ADD COLUMN code ${of.column};
    CREATE FUNCTION c_has(key ${of.argument ?? of.key}) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.c_keys k WHERE k.code = key AND k.user_id = auth.uid()) $$;`,
  rows: `INSERT INTO c_keys SELECT code, id FROM (VALUES ${of.rows}) v (code), profiles`,
  documents: `UPDATE c_docs SET code = (ARRAY[${of.docs}])[1 + id % cardinality(ARRAY[${of.docs}])]`,
  predicate: 'c_has(code)',
})

/** Keys of other types, missing keys, and answers that are neither yes nor no. */
export const keyTypes: BodyGroup = {
  name: 'keys',
  superuser: `CREATE COLLATION "no case" (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE EXTENSION citext SCHEMA public`,
  cases: [
    { name: 'int_as_bigint', setup: has('bigint', 'm.org_int = key'), predicate: 'c_has(org_int)' },
    { name: 'int_as_numeric', setup: has('numeric', 'm.org_int = key'), predicate: 'c_has(org_int)' },
    {
      name: 'int_as_int',
      mustRewrite: true,
      setup: has('int', 'm.org_int = key'),
      predicate: 'c_has(org_int)',
    },
    {
      name: 'bigint_as_int',
      ...keyed({ key: 'int', column: 'bigint', argument: 'int', rows: '(1), (2)', docs: '1, 2, 3000000000' }),
      predicate: 'c_has(code::int)',
    },
    {
      name: 'smallint_as_int',
      ...keyed({
        key: 'smallint',
        column: 'int',
        argument: 'int',
        rows: '(1::smallint), (2)',
        docs: '1, 2, 70000',
      }),
    },
    { name: 'uuid_as_text', setup: has('text', 'm.org_text = key'), predicate: 'c_has(org_id::text)' },
    { name: 'text_as_uuid', setup: member(declared, isMember()), predicate: 'c_member(org_text::uuid)' },
    {
      name: 'text_as_uuid_guarded',
      setup: member(declared, isMember()),
      predicate: `CASE WHEN org_text LIKE '________-%' THEN c_member(org_text::uuid) ELSE false END`,
    },
    {
      name: 'text_as_int_behind_kind',
      setup: has('int', 'm.org_int = key'),
      predicate: `kind = 'contract' AND c_has(org_text::int)`,
    },
    {
      name: 'varchar_as_text',
      ...keyed({
        key: 'varchar(10)',
        column: 'text',
        argument: 'text',
        rows: `('red'), ('green ')`,
        docs: `'red', 'red ', 'green', 'green '`,
      }),
    },
    {
      name: 'char_key',
      ...keyed({
        key: 'char(8)',
        column: 'char(8)',
        rows: `('red'), ('green')`,
        docs: `'red', 'green', 'blue'`,
      }),
    },
    {
      name: 'char_other_length',
      ...keyed({
        key: 'char(8)',
        column: 'char(12)',
        argument: 'char',
        rows: `('red'), ('green')`,
        docs: `'red', 'green', 'blue'`,
      }),
    },
    {
      name: 'char_as_text',
      ...keyed({
        key: 'char(8)',
        column: 'text',
        argument: 'text',
        rows: `('red'), ('green')`,
        docs: `'red', 'red ', 'green', 'red     '`,
      }),
    },
    {
      name: 'text_as_char',
      ...keyed({
        key: 'text',
        column: 'char(8)',
        argument: 'text',
        rows: `('red'), ('green ')`,
        docs: `'red', 'green', 'blue'`,
      }),
    },
    {
      name: 'char_argument',
      ...keyed({
        key: 'text',
        column: 'text',
        argument: 'char(8)',
        rows: `('red'), ('green ')`,
        docs: `'red', 'green ', 'blue'`,
      }),
    },
    {
      name: 'numeric_scale',
      ...keyed({
        key: 'numeric(6,2)',
        column: 'numeric',
        argument: 'numeric',
        rows: '(1), (2.5)',
        docs: '1, 1.00, 2.50, 2.505',
      }),
    },
    {
      name: 'float_and_numeric',
      ...keyed({
        key: 'float8',
        column: 'numeric',
        argument: 'numeric',
        rows: `(0.1), (0.3), ('NaN')`,
        docs: `0.1, 0.1000000000000000055511151231257827, 'NaN'`,
      }),
    },
    {
      name: 'real_and_double',
      ...keyed({
        key: 'real',
        column: 'float8',
        argument: 'float8',
        rows: `(0.1::real), (0.5)`,
        docs: `0.1, 0.5, 'NaN'`,
      }),
    },
    {
      name: 'ignoring_case',
      ...keyed({
        key: `text COLLATE "no case"`,
        column: 'text',
        argument: 'text',
        rows: `('RED'), ('Green')`,
        docs: `'red', 'GREEN', 'blue'`,
      }),
    },
    {
      name: 'ignoring_case_both',
      ...keyed({
        key: `text COLLATE "no case"`,
        column: `text COLLATE "no case"`,
        argument: 'text',
        rows: `('RED'), ('Green')`,
        docs: `'red', 'GREEN', 'blue'`,
      }),
    },
    {
      name: 'ignoring_case_in_documents',
      ...keyed({
        key: 'text',
        column: `text COLLATE "no case"`,
        rows: `('RED'), ('green')`,
        docs: `'red', 'GREEN', 'blue'`,
      }),
    },
    {
      name: 'collated_in_body',
      setup: `CREATE FUNCTION c_has(key text) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.role = key COLLATE public."no case" AND m.user_id = auth.uid()) $$`,
      predicate: 'c_has(kind)',
    },
    {
      name: 'citext_key',
      ...keyed({
        key: 'citext',
        column: 'citext',
        rows: `('RED'), ('Green')`,
        docs: `'red'::citext, 'GREEN', 'blue'`,
      }),
    },
    {
      name: 'citext_key_with_path',
      setup: `CREATE TABLE c_keys (code citext, user_id uuid); ALTER TABLE c_docs ADD COLUMN code text;
        CREATE FUNCTION c_has(key citext) RETURNS boolean ${definer} SET search_path = public AS $$ SELECT EXISTS (SELECT FROM c_keys k WHERE k.code = key AND k.user_id = auth.uid()) $$`,
      rows: `INSERT INTO c_keys SELECT code, id FROM (VALUES ('RED'), ('Green')) v (code), profiles`,
      documents: `UPDATE c_docs SET code = (ARRAY['red', 'GREEN', 'blue'])[1 + id % 3]`,
      predicate: 'c_has(code::citext)',
    },
    {
      name: 'citext_correlated',
      isLarge: true,
      setup: `CREATE TABLE c_keys (code citext, user_id uuid); GRANT SELECT ON c_keys TO PUBLIC; ALTER TABLE c_docs ADD COLUMN code text;`,
      rows: `INSERT INTO c_keys SELECT code, id FROM (VALUES ('RED'), ('Green')) v (code), profiles`,
      documents: `UPDATE c_docs SET code = (ARRAY['red', 'GREEN', 'blue'])[1 + id % 3]`,
      predicate: 'EXISTS (SELECT FROM c_keys k WHERE k.code = c_docs.code AND k.user_id = auth.uid())',
    },
    {
      name: 'timestamp_and_date',
      ...keyed({
        key: 'date',
        column: 'timestamptz',
        argument: 'timestamptz',
        rows: `('2026-11-20'::date)`,
        docs: `'2026-11-20 00:00'::timestamptz, '2026-11-20 12:00'`,
      }),
    },
    {
      name: 'enum_key',
      setup: `CREATE TYPE c_colour AS ENUM ('red', 'green', 'blue'); CREATE TABLE c_keys (code c_colour, user_id uuid); ALTER TABLE c_docs ADD COLUMN code c_colour;
        CREATE FUNCTION c_has(key c_colour) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.c_keys k WHERE k.code = key AND k.user_id = auth.uid()) $$`,
      rows: `INSERT INTO c_keys SELECT 'red', id FROM profiles`,
      documents: `UPDATE c_docs SET code = (ARRAY['red', 'green']::c_colour[])[1 + id % 2]`,
      predicate: 'c_has(code)',
    },
    {
      name: 'domain_argument',
      setup: `CREATE DOMAIN c_positive AS int CHECK (VALUE > 0); ALTER TABLE c_docs ADD COLUMN code int; ${has('c_positive', 'm.org_int = key')}`,
      documents: `UPDATE c_docs SET code = (ARRAY[1, 2, -1])[1 + id % 3]`,
      predicate: 'c_has(code)',
    },
    {
      name: 'domain_not_null_argument',
      setup: `CREATE DOMAIN c_given AS uuid CHECK (VALUE IS NOT NULL); CREATE FUNCTION c_has(key c_given) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = key AND m.user_id = auth.uid()) $$`,
      predicate: 'c_has(org_id)',
    },
    {
      name: 'composite_key',
      setup: `CREATE TYPE c_pair AS (org uuid, level int); CREATE FUNCTION c_has(key c_pair) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE ROW(m.org_id, m.level)::public.c_pair = key AND m.user_id = auth.uid()) $$`,
      predicate: 'c_has(ROW(org_id, level)::c_pair)',
    },
    {
      name: 'array_of_keys',
      ...keyed({ key: 'text[]', column: 'text[]', rows: `(ARRAY['a','b'])`, docs: `'x'` }),
      documents: `UPDATE c_docs SET code = CASE WHEN id % 2 = 0 THEN ARRAY['a', 'b'] END`,
    },
    {
      name: 'jsonb_key',
      ...keyed({
        key: 'jsonb',
        column: 'jsonb',
        rows: `('{"a": 1.0}'::jsonb)`,
        docs: `'{"a": 1}'::jsonb, '{"a": 2}'`,
      }),
    },
    {
      name: 'name_as_text',
      ...keyed({
        key: 'name',
        column: 'text',
        argument: 'text',
        rows: `('red'::name)`,
        docs: `'red', 'blue'`,
      }),
    },
    {
      name: 'interval_key',
      ...keyed({
        key: 'interval',
        column: 'interval',
        rows: `('1 day'::interval)`,
        docs: `'24 hours'::interval, '1 day', '2 days'`,
      }),
    },
    { name: 'without_null', setup: member(declared, isMember()), predicate: 'NOT c_member(org_id)' },
    { name: 'is_not_true', setup: member(declared, isMember()), predicate: 'c_member(org_id) IS NOT TRUE' },
    { name: 'is_false', setup: member(declared, isMember()), predicate: 'c_member(org_id) IS FALSE' },
    { name: 'is_null', setup: member(declared, isMember()), predicate: 'c_member(org_id) IS NULL' },
    { name: 'equals_false', setup: member(declared, isMember()), predicate: 'c_member(org_id) = false' },
    {
      name: 'equals_true',
      mustRewrite: true,
      setup: member(declared, isMember()),
      predicate: 'c_member(org_id) = true',
    },
    { name: 'equals_public', setup: member(declared, isMember()), predicate: 'c_member(org_id) = is_public' },
    {
      name: 'distinct_from',
      setup: member(declared, isMember()),
      predicate: 'c_member(org_id) IS DISTINCT FROM is_public',
    },
    {
      name: 'coalesced_answer',
      setup: member(declared, isMember()),
      predicate: 'coalesce(c_member(org_id), true)',
    },
    { name: 'answer_as_int', setup: member(declared, isMember()), predicate: 'c_member(org_id)::int >= 0' },
    {
      name: 'answer_in_case',
      setup: member(declared, isMember()),
      predicate: 'CASE c_member(org_id) WHEN false THEN true ELSE false END',
    },
    {
      name: 'strict_null',
      setup: member(
        `${declared} STRICT`,
        'SELECT NOT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid())',
      ),
      predicate: 'c_member(org_id)',
    },
    {
      name: 'strict_member',
      setup: member(`${declared} STRICT`, isMember()),
      predicate: 'c_member(org_id) IS NOT NULL',
    },
    {
      name: 'null_matches_null',
      setup: member(
        declared,
        'SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id IS NOT DISTINCT FROM org AND m.user_id = auth.uid())',
      ),
      predicate: 'c_member(org_id)',
    },
    {
      name: 'null_or_equal',
      setup: member(
        declared,
        'SELECT EXISTS (SELECT FROM public.members m WHERE (m.org_id = org OR m.org_id IS NULL) AND m.user_id = auth.uid())',
      ),
      predicate: 'c_member(org_id)',
    },
    {
      name: 'returns_null',
      setup: member(
        declared,
        'SELECT CASE WHEN EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()) THEN true END',
      ),
      predicate: 'c_member(org_id) IS NOT FALSE',
    },
    {
      name: 'any_blocked',
      setup: member(
        declared,
        'SELECT bool_or(m.is_blocked) FROM public.members m WHERE m.org_id = org AND m.user_id = auth.uid()',
      ),
      predicate: 'c_member(org_id) IS NOT TRUE',
    },
    {
      name: 'not_in_members',
      setup: member(
        invoker,
        'SELECT auth.uid() NOT IN (SELECT m.user_id FROM public.members m WHERE m.org_id = org)',
      ),
      predicate: 'c_member(org_id)',
    },
    {
      name: 'not_in_direct',
      isLarge: true,
      predicate: 'org_id NOT IN (SELECT m.org_id FROM members m WHERE m.user_id = auth.uid())',
    },
    {
      name: 'coalesced_key',
      setup: member(declared, isMember()),
      predicate: `c_member(coalesce(org_id, '${ids.red}'))`,
    },
    {
      name: 'key_of_case',
      setup: member(declared, isMember()),
      predicate: `c_member(CASE WHEN kind = 'memo' THEN org_id END)`,
    },
    {
      name: 'twice_the_key',
      setup: `CREATE FUNCTION c_has(org uuid, person uuid) RETURNS boolean ${declared} AS $$ SELECT EXISTS (SELECT FROM public.members m WHERE m.org_id = org AND m.user_id = person) $$`,
      predicate: 'c_has(org_id, owner_id)',
    },
  ],
}
