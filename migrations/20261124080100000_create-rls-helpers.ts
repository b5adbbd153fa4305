import type { MigrationBuilder } from 'node-pg-migrate'
import {
  columnsExist,
  functionExists,
  functionIsAbsent,
  schemaExists,
  schemaIsAbsent,
  type Optimization,
} from 'hundredfold'

const schema = 'private'
const helpers = ['current_user_id', 'is_admin', 'is_professional', 'conversation_ids'].map((name) => ({
  schema,
  name,
  args: '',
}))

export const optimization: Optimization = {
  why:
    'The policies call is_admin(), is_professional() and is_conversation_member() for every row. ' +
    'These helpers answer once per statement, wherever a policy asks `(select private.is_admin())`; ' +
    'the sub-select is what makes it once, not the function. They live outside of the schema that the ' +
    'API exposes, and their empty search_path lets nobody slip another table in.',
  rule: 'policy_function_initplan',
  before: [
    schemaIsAbsent(schema),
    columnsExist({ schema: 'public', name: 'profiles' }, ['id', 'role']),
    columnsExist({ schema: 'public', name: 'conversation_members' }, ['conversation_id', 'user_id']),
    functionExists({ schema: 'auth', name: 'uid', args: '' }),
    ...helpers.map(functionIsAbsent),
  ],
  after: [schemaExists(schema), ...helpers.map(functionExists)],
}

export function up(pgm: MigrationBuilder): void {
  pgm.createSchema(schema)
  // For policies to come. Those there are ask auth.uid() itself, which PostgreSQL can inline.
  pgm.sql(`
    CREATE FUNCTION private.current_user_id() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ SELECT auth.uid() $$`)
  // PL/pgSQL keeps its plan for the whole session; before PostgreSQL 18 a SQL function would plan at every call.
  pgm.sql(`
    CREATE FUNCTION private.is_admin() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
    BEGIN
      RETURN EXISTS (SELECT FROM public.profiles WHERE id = (SELECT auth.uid()) AND role = 'admin');
    END
    $$`)
  pgm.sql(`
    CREATE FUNCTION private.is_professional() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$
    BEGIN
      RETURN EXISTS (SELECT FROM public.profiles WHERE id = (SELECT auth.uid()) AND role = 'professional');
    END
    $$`)
  pgm.sql(`
    CREATE FUNCTION private.conversation_ids() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 50
    AS $$ SELECT conversation_id FROM public.conversation_members WHERE user_id = (SELECT auth.uid()) $$`)
  pgm.sql('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA private FROM PUBLIC')
  pgm.sql('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA private TO anon, authenticated, service_role')
  pgm.sql('GRANT USAGE ON SCHEMA private TO anon, authenticated, service_role')
}

export function down(pgm: MigrationBuilder): void {
  for (const { name } of helpers) pgm.dropFunction({ schema, name }, [])
  pgm.dropSchema(schema)
}
