import type { MigrationBuilder } from 'node-pg-migrate'
import { columnsExist, functionExists, schemaExists, schemaIsAbsent, type Optimization } from 'hundredfold'

const schema = 'private'
const helpers = [
  { schema, name: 'current_user_id', args: '' },
  { schema, name: 'is_admin', args: '' },
  { schema, name: 'is_professional', args: '' },
  { schema, name: 'is_conversation_member', args: 'conversation uuid' },
  { schema, name: 'conversation_ids', args: '' },
]

export const optimization: Optimization = {
  why:
    'The policies call is_admin(), is_professional() and is_conversation_member() for every row. ' +
    'These helpers answer once per statement wherever a policy asks `(select private.is_admin())`; ' +
    'the sub-select makes it once, not the function. current_user_id() is auth.uid() without its price: ' +
    'PostgreSQL parses and inlines a SQL function anew wherever a statement that it plans names it, ' +
    'which is a third of what planning an update of one listing takes. They live outside of the schema ' +
    'that the API exposes, and with an empty search_path nobody can slip another table in.',
  rule: 'policy_function_initplan',
  before: [
    schemaIsAbsent(schema),
    columnsExist({ schema: 'public', name: 'profiles' }, ['id', 'role']),
    columnsExist({ schema: 'public', name: 'conversation_members' }, ['conversation_id', 'user_id']),
    functionExists({ schema: 'auth', name: 'uid', args: '' }),
  ],
  after: [schemaExists(schema), ...helpers.map(functionExists)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.createSchema(schema)
  // PL/pgSQL, since it keeps its plans for the whole session; a SQL function plans its body anew in every statement.
  createHelper(pgm, 'current_user_id() RETURNS uuid', 'RETURN auth.uid();')
  createHelper(
    pgm,
    'is_admin() RETURNS boolean',
    "RETURN EXISTS (SELECT FROM public.profiles WHERE id = (SELECT auth.uid()) AND role = 'admin');",
  )
  createHelper(
    pgm,
    'is_professional() RETURNS boolean',
    "RETURN EXISTS (SELECT FROM public.profiles WHERE id = (SELECT auth.uid()) AND role = 'professional');",
  )
  // For policies that see one row; those that see many compare with conversation_ids().
  createHelper(
    pgm,
    'is_conversation_member(conversation uuid) RETURNS boolean',
    `RETURN EXISTS (
      SELECT FROM public.conversation_members m
      WHERE m.conversation_id = conversation AND m.user_id = (SELECT auth.uid())
    );`,
  )
  createHelper(
    pgm,
    'conversation_ids() RETURNS uuid[]',
    `RETURN ARRAY(
      SELECT m.conversation_id FROM public.conversation_members m WHERE m.user_id = (SELECT auth.uid())
    );`,
  )
  // Policies ask them for whoever reads, as they asked the functions before; each tells a caller about itself only.
  pgm.sql('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA private TO PUBLIC')
  pgm.sql('GRANT USAGE ON SCHEMA private TO anon, authenticated, service_role')
}

export function down(pgm: MigrationBuilder): void {
  for (const { schema, name, args } of helpers) pgm.sql(`DROP FUNCTION ${schema}.${name}(${args})`)
  pgm.dropSchema(schema)
}

function createHelper(pgm: MigrationBuilder, signature: string, body: string): void {
  pgm.sql(`
    CREATE FUNCTION ${schema}.${signature}
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
    BEGIN
      ${body}
    END
    $$`)
}
