import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import { optimize } from '../optimize/optimize.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { rewriteRules } from '../policies/rewrite/change.ts'
import { expectNoFailure } from '../rules/find.ts'
import { rules } from '../rules/index.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Bench } from './bench.ts'
import { median } from '../median.ts'
import { benchRow } from './bench.ts'
import type { BenchRow } from './row.ts'

const tables = 200
const policiesPerTable = 5
const longest = 13_000
const atMostMs = 10_000
const rounds = 3

/** The functions that policies call: as they should be declared, and as most teams leave them. */
const kinds = [
  { id: 'policies', declared: 'STABLE', title: '' },
  { id: 'policies_undeclared', declared: '', title: ', whose functions nobody has declared' },
]

/** How long `optimize` takes for a thousand policies, one of them as long as the longest that we know of. */
export const policiesBench: Bench = {
  id: 'policies',
  title: 'A thousand policies',
  rowIds: kinds.map(({ id }) => id),
  async run({ config, onStep, only }) {
    const server = await provideServer(config)
    const administrator = await connect(server.url())
    try {
      const rows: BenchRow[] = []
      for (const { id, declared, title } of kinds.filter((each) => only?.includes(each.id) ?? true)) {
        const name = `bench_${randomBytes(4).toString('hex')}`
        await administrator.query(`CREATE DATABASE ${quote(name)}`)
        const client = await connect(server.url(name))
        try {
          onStep(`making ${tables * policiesPerTable} policies${title}`)
          await client.query(schema(declared))
          const { after, files } = await timed(client, onStep)
          rows.push(
            benchRow({
              id,
              title: `${tables * policiesPerTable} policies, one of ${longest} characters${title}: found and written`,
              claim: 'under 10 s',
              before: atMostMs,
              after,
              unit: 'ms',
              met: after < atMostMs,
              how: `before is the limit; four rules, ${files} files, median of ${rounds} rounds; the start of the process is not counted`,
            }),
          )
        } finally {
          await client.end()
          await administrator.query(`DROP DATABASE ${quote(name)}`)
        }
      }
      return rows
    } finally {
      await administrator.end()
      await server.stop()
    }
  },
}

async function timed(
  client: Client,
  onStep: (step: string) => void,
): Promise<{ after: number; files: number }> {
  const times: number[] = []
  let files = 0
  for (let round = 1; round <= rounds; round += 1) {
    onStep(`round ${round} of ${rounds}`)
    const start = performance.now()
    files = await write(client)
    times.push(performance.now() - start)
  }
  return { after: median(times), files }
}

/** Runs `optimize` and returns the number of files that it wrote. */
async function write(client: Client): Promise<number> {
  const wanted = rules.filter((rule) => rewriteRules.some((name) => name === rule.name))
  const directory = await mkdtemp(join(tmpdir(), 'policies-'))
  try {
    const { found, groups } = await optimize(client, { rules: wanted, level: 'info', directory })
    expectNoFailure(found)
    await writeMigrations(directory, groups)
    return groups.length
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function schema(declared: string): string {
  const statements = [
    `CREATE SCHEMA auth`,
    `CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
       $$ SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$`,
    `CREATE TABLE members (org_id uuid, user_id uuid, role text, PRIMARY KEY (user_id, org_id))`,
    `CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql ${declared} SECURITY DEFINER SET search_path = public AS
       $$ SELECT EXISTS (SELECT 1 FROM members WHERE user_id = auth.uid() AND role = 'admin') $$`,
    `CREATE FUNCTION is_member(org uuid) RETURNS boolean LANGUAGE sql ${declared} SECURITY DEFINER SET search_path = public AS
       $$ SELECT EXISTS (SELECT 1 FROM members m WHERE m.org_id = org AND m.user_id = auth.uid()) $$`,
  ]
  for (let table = 0; table < tables; table += 1) {
    const name = `"Table ${table}"`
    statements.push(
      `CREATE TABLE ${name} (id uuid PRIMARY KEY, org_id uuid, owner uuid, kind text)`,
      `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`,
      `CREATE POLICY "${name.slice(1, -1)}: owners" ON ${name} USING (${table === 0 ? longPredicate() : 'owner = auth.uid()'})`,
      `CREATE POLICY "admins" ON ${name} USING (is_admin() AND kind <> 'secret') WITH CHECK (is_admin())`,
      `CREATE POLICY "members" ON ${name} FOR SELECT USING (is_member(org_id))`,
      `CREATE POLICY "colleagues" ON ${name} FOR SELECT USING (EXISTS (
         SELECT 1 FROM members m WHERE m.org_id = ${name}.org_id AND m.user_id = auth.uid()))`,
      `CREATE POLICY "writers" ON ${name} FOR INSERT WITH CHECK (owner = auth.uid() AND NOT is_member(org_id))`,
    )
  }
  return statements.join(';\n')
}

/** An OR of conditions that PostgreSQL prints with the length of the longest policy in 30 public schemas. */
function longPredicate(): string {
  const conditions: string[] = []
  while (conditions.join(' OR ').length < longest) {
    conditions.push(`((kind = 'kind ${conditions.length}'::text) AND (owner = auth.uid()))`)
  }
  return conditions.join(' OR ')
}
