import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../src/postgres/connect.ts'
import { createAuthPlatform } from '../support/authPlatform.ts'
import { callCommand } from '../support/commandLine.ts'
import { createDatabase } from '../support/database.ts'
import type { TestDatabase } from '../support/database.ts'

/** The tables that the pages speak of, small, with a few things to find. */
const schema = `
  CREATE SCHEMA app; CREATE SCHEMA audit;
  CREATE TABLE customers (id bigint PRIMARY KEY);
  CREATE TABLE professionals (id bigint PRIMARY KEY, city_id bigint);
  CREATE TABLE bookings (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, booking_date date NOT NULL);
  CREATE TABLE orders (id bigint, customer bigint, customer_id bigint NOT NULL, region text NOT NULL, made date,
    note text, PRIMARY KEY (id, region, customer_id));
  CREATE TABLE deliveries (LIKE orders INCLUDING ALL);
  CREATE INDEX orders_note_idx ON orders (note);
  CREATE TABLE conversation_members (id bigint PRIMARY KEY, user_id uuid);
  CREATE TABLE app.messages (id bigint PRIMARY KEY, user_id uuid);
  CREATE TABLE audit.events (id bigint PRIMARY KEY, created_at timestamptz NOT NULL);
  INSERT INTO customers SELECT generate_series(1, 1000);
  INSERT INTO professionals SELECT i, i % 50 FROM generate_series(1, 1000) i;
  INSERT INTO bookings SELECT i, i % 1000 + 1, date '2026-01-01' + i % 300 FROM generate_series(1, 10000) i;
  INSERT INTO orders SELECT i, i % 100, i % 100, 'region ' || i % 4, date '2026-01-01' + i % 300, 'x' FROM generate_series(1, 10000) i;
  INSERT INTO deliveries SELECT * FROM orders;
  INSERT INTO conversation_members SELECT i, md5(i::text)::uuid FROM generate_series(1, 1000) i;
  INSERT INTO app.messages SELECT i, md5(i::text)::uuid FROM generate_series(1, 1000) i;
  INSERT INTO audit.events SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 1000) i;
  ALTER TABLE conversation_members ENABLE ROW LEVEL SECURITY;
  ALTER TABLE app.messages ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON conversation_members FOR SELECT TO authenticated USING (user_id = auth.uid());
  CREATE POLICY own ON app.messages FOR SELECT TO authenticated USING (user_id = auth.uid());
  ANALYZE`

const workload = `-- name: of_customer
-- calls: 12000
-- types: bigint
-- args: 35
SELECT * FROM orders WHERE customer = $1 ORDER BY made DESC LIMIT 20;

-- name: of_month
-- calls: 2000
SELECT count(*) FROM bookings WHERE booking_date >= '2026-03-01' AND booking_date < '2026-04-01';
`

/** For pg_stat_statements. */
const counted = `SELECT * FROM orders WHERE customer = 35`

/** A project with the files that the pages name, and a database with their tables. Each page gets a copy of both. */
export class DocumentedProject {
  readonly #database: TestDatabase
  readonly #folder: string
  #copies = 0

  private constructor(database: TestDatabase, folder: string) {
    this.#database = database
    this.#folder = folder
  }

  static async make(): Promise<DocumentedProject> {
    const database = await createDatabase()
    const superuser = await connect(database.url, { applicationName: 'test' })
    await createAuthPlatform(superuser)
    await superuser.query(`CREATE EXTENSION pg_stat_statements`)
    await superuser.end()
    const owner = await connect(database.ownerUrl, { applicationName: 'test' })
    await owner.query(schema)
    await owner.end()
    const project = new DocumentedProject(database, await mkdtemp(join(tmpdir(), 'hundredfold-docs-')))
    await project.#fill()
    return project
  }

  async remove(): Promise<void> {
    await this.#database.drop()
    await rm(this.#folder, { recursive: true })
  }

  /** A copy for one page; `remove` drops the database, and the files go with the project. */
  async copy(): Promise<Place> {
    this.#copies += 1
    const directory = join(this.#folder, `${this.#copies}`)
    await cp(join(this.#folder, 'template'), directory, { recursive: true })
    const database = await createDatabase({ copyOf: this.#database })
    const owner = await connect(database.ownerUrl, { applicationName: 'test' })
    await owner.query(counted)
    await owner.end()
    return { directory, url: database.ownerUrl, remove: () => database.drop() }
  }

  /** Writes what somebody has who reads a page: migrations, a workload, reports. */
  async #fill(): Promise<void> {
    const directory = join(this.#folder, 'template')
    for (const folder of ['.hundredfold', 'baseline', 'hundredfold', 'prisma/hundredfold']) {
      await mkdir(join(directory, folder), { recursive: true })
    }
    await writeFile(join(directory, 'package.json'), '{ "name": "shop", "type": "module", "scripts": {} }\n')
    await writeFile(join(directory, 'workload.sql'), workload)
    // Settings of roles hold for the whole server, and so for other tests.
    const ignored = `- { rule: missing_statement_timeout, subject: '*', reason: 'the roles belong to all tests' }\n`
    await writeFile(join(directory, '.hundredfold/ignore.yaml'), ignored)
    const run = async (...args: string[]): Promise<string> => {
      const environment = { DIRECT_URL: this.#database.ownerUrl }
      const { exitCode, out, err } = await callCommand(args, { directory, environment })
      if (exitCode !== 0) throw new Error(`hundredfold ${args.join(' ')} ended with ${exitCode}: ${err}`)
      return out
    }
    await run('optimize', '--yes', '--rules', 'unindexed_foreign_keys,auth_rls_initplan')
    await cp(join(directory, 'migrations'), join(directory, 'hundredfold/migrations'), { recursive: true })
    await run('optimize', '--rules', 'unindexed_foreign_keys', '--format', 'prisma', '--out', 'made', '--yes')
    await cp(
      await onlyFile(directory, /\.conditions\.json$/),
      join(directory, 'prisma/hundredfold/20261130120000_create_a_b_idx.conditions.json'),
    )
    await writeFile(join(directory, 'alerts.yaml'), await run('monitor', '--print-alerts'))
    await run('diagnose', '--out', 'reports')
    const [report = ''] = await readdir(join(directory, 'reports'))
    const made = join(directory, 'reports', report)
    for (const name of ['before', 'after', 'diagnostics-20261123-060000', 'diagnostics-20261124-060000']) {
      await cp(made, join(directory, name), { recursive: true })
    }
    await cp(join(made, 'report.json'), join(directory, 'baseline/report.json'))
    await cp(join(made, 'report.json'), join(directory, '.hundredfold/baseline.json'))
  }
}

async function onlyFile(folder: string, name: RegExp): Promise<string> {
  const files = await readdir(folder, { recursive: true })
  const [file, ...others] = files.filter((each) => name.test(each))
  if (file === undefined || others.length > 0)
    throw new Error(`${folder} has ${files.join(', ') || 'no file'}`)
  return join(folder, file)
}

/** Where the commands of one page run. */
export interface Place {
  directory: string
  url: string
  remove(): Promise<void>
}
