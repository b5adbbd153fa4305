import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import { readOnce } from '../../../src/catalog/reader.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import type { PolicyCatalog } from '../../../src/policies/read/policyCatalog.ts'
import { readPolicyCatalog } from '../../../src/policies/read/policyCatalog.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'

let database: TestDatabase
let owner: Client
let catalog: PolicyCatalog

beforeAll(async () => {
  database = await createDatabase()
  owner = await database.connect(database.ownerUrl)
  await owner.query(`
    CREATE SCHEMA "Odd ""schema";
    CREATE FUNCTION "Odd ""schema".who() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
      AS $$ SELECT NULL::uuid $$;
    CREATE FUNCTION "Odd ""schema".near(a uuid, b uuid) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b';
    CREATE OPERATOR public.=~= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = "Odd ""schema".near);
    CREATE TABLE "Odd ""schema"."Dïngs" (gone int, id uuid, owner uuid NOT NULL, total numeric(10,2));
    ALTER TABLE "Odd ""schema"."Dïngs" DROP COLUMN gone;
    CREATE INDEX "owner idx" ON "Odd ""schema"."Dïngs" (owner, id);
    CREATE INDEX "lower idx" ON "Odd ""schema"."Dïngs" ((total + 1)) WHERE total > 0;
    ALTER TABLE "Odd ""schema"."Dïngs" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY "it's ""theirs""" ON "Odd ""schema"."Dïngs" AS RESTRICTIVE FOR UPDATE TO authenticated, anon
      USING (owner = "Odd ""schema".who()) WITH CHECK (total < 10);
    COMMENT ON POLICY "it's ""theirs""" ON "Odd ""schema"."Dïngs" IS 'Theirs alone';
    CREATE POLICY a ON "Odd ""schema"."Dïngs" USING (true);
  `)
  catalog = await readOnly(owner, () => readOnce(borrow(owner))(readPolicyCatalog))
})
afterAll(() => database.drop())

describe('readPolicyCatalog', () => {
  test('reads policies with their roles, command and kind, and the functions that they call', () => {
    expect(
      catalog.policies.map(({ functions, functionOids, table, tableOid, ...policy }) => ({
        ...policy,
        oid: 0,
        isOfTable: tableOid === table.oid,
        table: table.name,
        functions: functions.map(({ oid, schema, name }) => [functionOids.indexOf(oid), schema, name]),
      })),
    ).toEqual([
      {
        oid: 0,
        name: 'a',
        isOfTable: true,
        table: 'Dïngs',
        command: 'ALL',
        permissive: true,
        roles: [],
        rolesAsWritten: [],
        using: 'true',
        check: null,
        comment: null,
        columnNumbers: [],
        functions: [],
      },
      {
        oid: 0,
        name: `it's "theirs"`,
        isOfTable: true,
        table: 'Dïngs',
        command: 'UPDATE',
        permissive: false,
        roles: ['anon', 'authenticated'],
        rolesAsWritten: ['authenticated', 'anon'],
        using: '(owner = "Odd ""schema".who())',
        check: '(total < (10)::numeric)',
        comment: 'Theirs alone',
        columnNumbers: [3, 4],
        functions: [[0, 'Odd "schema', 'who']],
      },
    ])
  })

  test('reads tables with columns and what each index leads on', () => {
    expect(catalog.policies[0]?.table).toMatchObject({
      schema: 'Odd "schema',
      kind: 'r',
      isOurs: true,
      rowSecurity: true,
      forcesRowSecurity: true,
      columns: [
        { name: 'id', type: 'uuid', notNull: false },
        { name: 'owner', type: 'uuid', notNull: true },
        { name: 'total', type: 'numeric(10,2)', notNull: false },
      ],
      indexes: [
        { name: 'lower idx', accessMethod: 'btree', predicate: '(total > (0)::numeric)', isValid: true },
        { name: 'owner idx', accessMethod: 'btree', predicate: null, isValid: true },
      ],
    })
    expect(
      catalog.policies[0]?.table.indexes.map(({ keys: [first] }) => first?.column?.name ?? null),
    ).toEqual([null, 'owner'])
  })

  test('knows the properties of functions, built-in ones too, and of operators', () => {
    expect(catalog.policies[1]?.functions[0]).toMatchObject({
      args: '',
      volatility: 'stable',
      returnsSet: false,
      returnType: 'uuid',
      isSecurityDefiner: true,
      settings: { search_path: '""' },
      isOurs: true,
      mayExecute: true,
      grantees: null,
      language: 'sql',
    })
    expect(catalog.functions.builtin.get('random')).toMatchObject({ volatility: 'volatile' })
    expect(catalog.functions.builtin.get('unnest')).toMatchObject({ returnsSet: true })
    expect(catalog.functions.builtin.get('count')).toMatchObject({ isOrdinary: false })
    expect(catalog.functions.operators.get('public.=~=')).toBe('immutable')
    expect(catalog.role).toBe(owner.user)
  })
})
