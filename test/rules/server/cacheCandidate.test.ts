import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { cacheCandidate, cacheCandidateFrom } from '../../../src/rules/server/cacheCandidate.ts'
import type { Remedy } from '../../../src/rules/rule.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { program } from '../../support/commandLine.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { versions } from '../../support/versions.ts'
import { look, settleCounters } from '../look.ts'

/** Whatever is called twenty times, if a cache answers most of it. */
const quick = cacheCandidateFrom({ callsAnHour: 20, msAnHour: 0, share: 0, hitRatio: 0.5 })
const calls = 60

const schema = `
  CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
  CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE ROLE app LOGIN; CREATE ROLE anon; CREATE ROLE staff; CREATE ROLE boss LOGIN BYPASSRLS;
  GRANT pg_read_all_stats TO app;
  CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth TO PUBLIC;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('request.sub', true), '')::uuid $$;

  CREATE TABLE cities (id int PRIMARY KEY, name text NOT NULL, note text);
  CREATE TABLE professionals (id int PRIMARY KEY, city_id int REFERENCES cities, name text, joined date);
  CREATE TABLE busy (id int PRIMARY KEY, hits int);
  CREATE TABLE "Odd 'Table" (id int PRIMARY KEY);
  CREATE TABLE partly (id int PRIMARY KEY, secret text);
  CREATE TABLE own (id int PRIMARY KEY, owner uuid);
  ALTER TABLE own ENABLE ROW LEVEL SECURITY;
  CREATE POLICY mine ON own FOR SELECT USING (owner = auth.uid());
  CREATE TABLE published (id int PRIMARY KEY, shown boolean);
  ALTER TABLE published ENABLE ROW LEVEL SECURITY;
  CREATE POLICY all_see_it ON published FOR SELECT USING (shown);
  CREATE TABLE for_staff (id int PRIMARY KEY, shown boolean);
  ALTER TABLE for_staff ENABLE ROW LEVEL SECURITY;
  CREATE POLICY shown_to_all ON for_staff FOR SELECT USING (shown);
  CREATE POLICY staff_sees_all ON for_staff FOR SELECT TO staff USING (true);
  CREATE TABLE listed (id int PRIMARY KEY);
  ALTER TABLE listed ENABLE ROW LEVEL SECURITY;
  CREATE POLICY of_published ON listed FOR SELECT USING (EXISTS (SELECT FROM published p WHERE p.id = listed.id));
  CREATE TABLE days (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

  CREATE VIEW city_names AS SELECT id, name FROM cities;
  CREATE VIEW own_ids AS SELECT id FROM own;
  CREATE MATERIALIZED VIEW kept AS SELECT id FROM cities;
  CREATE FUNCTION list_cities() RETURNS SETOF cities LANGUAGE sql STABLE AS $$ SELECT * FROM public.cities $$;
  CREATE FUNCTION count_own() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT count(*) FROM public.own $$;
  CREATE FUNCTION who_asks(c cities) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT auth.uid() $$;
  CREATE FUNCTION at_will(t text) RETURNS SETOF int LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN QUERY EXECUTE 'SELECT id FROM public.' || quote_ident(t); END $$;
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO app, anon, staff, boss; GRANT UPDATE ON cities, busy TO app;
  REVOKE SELECT ON partly FROM anon; GRANT SELECT (id) ON partly TO anon;
  CREATE SCHEMA one; CREATE TABLE one.twice (id int); CREATE SCHEMA two; CREATE TABLE two.twice (id int);
  GRANT USAGE ON SCHEMA one, two TO app; GRANT SELECT ON one.twice, two.twice TO app;
  INSERT INTO cities SELECT n, 'city ' || n FROM generate_series(1, 20) n;
  INSERT INTO professionals SELECT n, 1 + n % 20, 'p', '2026-01-01' FROM generate_series(1, 100) n;
  INSERT INTO published SELECT n, n % 2 = 0 FROM generate_series(1, 20) n;
  INSERT INTO for_staff SELECT n, n % 2 = 0 FROM generate_series(1, 20) n;
  INSERT INTO days VALUES (1, '2026-05-05');`

/** What everybody reads alike, with the tags that its tables get. */
const shared: [string, string[]][] = [
  ['SELECT id, name FROM cities ORDER BY name', ['cities']],
  ['SELECT count(*) FROM cities c JOIN professionals p ON p.city_id = c.id', ['cities', 'professionals']],
  ['WITH c AS (SELECT * FROM cities) SELECT json_agg(c.name) FROM c', ['cities']],
  ['SELECT * FROM city_names', ['cities']],
  // An extension brings another max().
  ["SELECT max(name), max(similarity(name, 'city')) FROM cities", ['cities']],
  ['SELECT * FROM list_cities()', ['cities']],
  ['SELECT id FROM published', ['published']],
  ['SELECT id FROM listed', ['listed', 'published']],
  ['SELECT id FROM days', ['days']],
  [`SELECT id FROM "Odd 'Table"`, [`Odd 'Table`]],
  ['SELECT name FROM professionals WHERE city_id = 7 ORDER BY name', ['professionals:city_id:{city_id}']],
  [
    'SELECT p.name, c.name FROM professionals p JOIN cities c ON c.id = p.city_id WHERE p.city_id = 7',
    ['cities', 'professionals:city_id:{city_id}'],
  ],
  // The rows of a city are counted for the others too.
  [
    'SELECT name, (SELECT count(*) FROM professionals) FROM professionals WHERE city_id = 7',
    ['professionals'],
  ],
]

/** What depends on the caller, on the time, or on what nothing announces. */
const notShared = [
  'SELECT id, now() FROM cities',
  'SELECT id FROM cities ORDER BY random()',
  'SELECT id, current_user FROM cities',
  'SELECT id, current_date FROM cities',
  "SELECT id, current_setting('app.user', true) FROM cities",
  'SELECT id, auth.uid() FROM cities',
  "SELECT id FROM professionals WHERE joined < 'today'::date",
  'SELECT id FROM professionals WHERE joined > $1',
  'SELECT id FROM own',
  'SELECT id FROM own_ids',
  'SELECT count_own()',
  'SELECT id FROM for_staff',
  'SELECT id FROM partly',
  'SELECT id FROM kept',
  'SELECT id FROM days_2026',
  'SELECT id FROM cities FOR SHARE',
  'SELECT id FROM cities TABLESAMPLE system (50)',
  'SELECT hits FROM busy',
  'SELECT relname FROM pg_class LIMIT 5',
  'UPDATE busy SET hits = hits',
]

describe.each(versions)('cache_candidate on PostgreSQL $version', ({ version, engine }) => {
  describe.skipIf(engine !== undefined && engineIsMissing(engine))('a server of its own', () => {
    let server: Server
    let superuser: Client
    let app: Client

    beforeAll(async () => {
      server = await startEmbedded({ version })
      superuser = await connect(server.url())
      await superuser.query(schema)
      await superuser.query('ANALYZE')
      app = await connect(server.url())
      await app.query('SET ROLE app')
      // What filled the tables does not count.
      await settleCounters(superuser)
      await superuser.query('SELECT pg_stat_reset()')
    })
    afterAll(async () => {
      await app.end()
      await superuser.end()
      await server.stop()
    })
    beforeEach(() => superuser.query('SELECT pg_stat_statements_reset()'))

    async function call(text: string, by = app): Promise<void> {
      for (let call = 0; call < calls; call += 1)
        await by.query(text, text.includes('$1') ? ['2026-01-01'] : [])
    }
    /** The tags of all `cache install` in the steps, as a shell reads them. */
    const tagsIn = (remedy: Remedy): string[] =>
      (remedy.kind === 'runbook' ? remedy.steps : [])
        .flatMap((step) => Array.from(step.matchAll(/--tag (?:'((?:[^']|'\\'')*)'(?!\\)|(\S+))/g)))
        .map(([, quoted, plain]) => (quoted ?? plain ?? '').replaceAll(String.raw`'\''`, "'"))
        .sort()

    it.each(shared)('offers %s', async (text, tags) => {
      await call(text)
      const { findings, skipped } = await look(superuser, quick)
      expect(skipped).toBeUndefined()
      expect(findings).toHaveLength(1)
      for (const { remedy, level } of findings) {
        expect({ level, kind: remedy.kind, tags: tagsIn(remedy) }).toEqual({
          level: 'info',
          kind: 'runbook',
          tags,
        })
      }
    })

    it('names none of what others would see otherwise, or later', async () => {
      for (const text of notShared) await call(text, /busy/.test(text) ? superuser : app)
      for (let write = 0; write < calls; write += 1)
        await superuser.query('INSERT INTO busy VALUES ($1, 0)', [write])
      await settleCounters(superuser)
      const { findings, skipped } = await look(superuser, quick)
      expect(findings.map(({ detail }) => detail)).toEqual([])
      expect(skipped).toBeUndefined()
    })

    it('does not name what a role sees that policies do not apply to', async () => {
      await app.query('SET ROLE boss')
      await call('SELECT id FROM published')
      await call('SELECT count(*) AS of_boss FROM cities')
      await app.query('SET ROLE app')
      const { findings, skipped } = await look(superuser, quick)
      expect(findings.map(({ evidence }) => evidence.find(({ name }) => name === 'role')?.value)).toEqual([
        'boss',
      ])
      expect(findings[0]?.detail).toContain('of_boss')
      expect(skipped).toBeUndefined()
    })

    it.each([
      ['SELECT c.who_asks FROM cities c', 'it may call public.who_asks() as if it were a column'],
      [`SELECT * FROM at_will('cities')`, 'it calls public.at_will(), which runs SQL that it makes itself'],
      ['SELECT count(*) FROM twice', 'twice may be one.twice, two.twice: search_path decides'],
    ])('refuses %s, since nobody can tell', async (text, reason) => {
      await app.query('SET search_path = public, one')
      await call(text)
      await app.query('RESET search_path')
      const { findings, skipped } = await look(superuser, quick)
      expect(findings).toEqual([])
      expect(skipped).toContain(reason)
    })

    it('gives the figures, the commands with every tag that is wanted of a table, and the code', async () => {
      await call('SELECT name FROM professionals WHERE city_id = 7 ORDER BY name')
      await call('SELECT max(name) FROM professionals')
      const { findings } = await look(superuser, quick)
      const found = findings.find(({ detail }) => detail.includes('city_id'))
      expect(found?.detail).toMatch(
        /^60 calls take [\d.]+ s and give everybody the same rows of public\.professionals, which has changed by at most 0 rows in that time: SELECT name FROM professionals WHERE city_id = \$1/,
      )
      expect(Object.fromEntries(found?.evidence.map(({ name, value }) => [name, value]) ?? [])).toMatchObject(
        {
          ...{ calls: 60, 'rows of a call': 5, 'rows written, at most': 0, 'different answers': 20 },
          ...{ 'hit ratio, at least': 66.7, 'row-level security': 'off', role: 'app' },
        },
      )
      const steps = found?.remedy.kind === 'runbook' ? found.remedy.steps : []
      const [install, ...others] = steps
      expect(install).toMatch(/^npx hundredfold cache install --table professionals --tag /)
      expect(new Set(found && tagsIn(found.remedy))).toEqual(
        new Set(['professionals', 'professionals:city_id:{city_id}']),
      )
      const code = others.find((step) => step.includes('cache.get(')) ?? ''
      expect(code).toMatch(
        /^const \{ rows \} = await cache\.get\('statement:[0-9a-f]{12}:' \+ JSON\.stringify\(values\), \{ tags: \["professionals:city_id:" \+ BigInt\(values\[0\]\)\], ttl: 3_600_000 \}, \(\) => database\.query\("SELECT name FROM professionals WHERE city_id = \$1 ORDER BY name", values\)\)/,
      )
    })

    it('gives commands that a shell runs as they are', { timeout: 120_000 }, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'hundredfold-candidate-'))
      await call(`SELECT id FROM "Odd 'Table"`)
      await call('SELECT name FROM professionals WHERE city_id = 7 ORDER BY name')
      const { findings } = await look(superuser, quick)
      const commands = findings
        .flatMap(({ remedy }) => (remedy.kind === 'runbook' ? remedy.steps : []))
        .filter((step) => step.startsWith('npx hundredfold cache install '))
        .map((step) => `${step.replace('npx hundredfold', `"${process.execPath}" "${program}"`)} --yes`)
      expect(commands).toHaveLength(2)
      const env = { PATH: process.env['PATH'], DIRECT_URL: server.url() }
      for (const command of commands) await promisify(execFile)('sh', ['-c', command], { cwd: folder, env })
      const files = await readdir(join(folder, 'migrations'))
      const texts = await Promise.all(files.map((file) => readFile(join(folder, 'migrations', file), 'utf8')))
      expect(texts.join()).toContain('professionals:city_id:{city_id}')
      expect(texts.join()).toContain(`Odd 'Table`)
      await rm(folder, { recursive: true })
    })

    it('lets writes count: what changes as often as it is read gains nothing', async () => {
      await call('SELECT name FROM cities ORDER BY id')
      for (let write = 0; write < calls; write += 1)
        await app.query('UPDATE cities SET note = $1 WHERE id = 1', [write])
      await settleCounters(superuser)
      await settleCounters(app)
      expect(await look(superuser, quick)).toEqual({ findings: [] })
    })

    it('leaves what costs next to nothing alone', async () => {
      await call('SELECT id, name FROM cities ORDER BY name')
      expect(await look(superuser, cacheCandidate)).toEqual({ findings: [] })
    })

    it('compares no counters of different age', async () => {
      await call('SELECT id, name FROM cities ORDER BY name')
      await superuser.query(`SELECT pg_sleep(0.1), pg_stat_reset()`)
      await settleCounters(superuser)
      const strict = cacheCandidateFrom({
        callsAnHour: 20,
        msAnHour: 0,
        share: 0,
        hitRatio: 0.5,
        startsWithinMs: 10,
      })
      const { findings, skipped } = await look(superuser, strict)
      expect(findings).toEqual([])
      expect(skipped).toMatch(/Writes of tables are counted since .*, statements already since/)
    })

    it('says what is hidden, and what is missing', async () => {
      await call('SELECT id, name FROM cities ORDER BY name', superuser)
      await superuser.query('SET ROLE anon')
      expect((await look(superuser, quick)).skipped).toContain('hidden')
      await superuser.query('RESET ROLE; DROP EXTENSION pg_stat_statements')
      expect((await look(superuser, quick)).skipped).toContain('pg_stat_statements is not installed')
      await superuser.query('CREATE EXTENSION pg_stat_statements')
    })
  })
})
