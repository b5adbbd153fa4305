import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingStatementTimeout } from '../../../src/rules/server/missingStatementTimeout.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import { alterSettingHere } from '../../../src/operations/alterSettingHere.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase, urlOf } from '../../support/database.ts'
import { expectReversible, findingAbout, look, operationAbout, subjectsOf } from '../look.ts'

describe('missing_statement_timeout', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  const roles = ['Bad App', 'bad_zero', 'good_own', 'good_here', 'good_owner', 'good_nologin'].map(
    (role) => `${role} of test`,
  )
  const ours = async (): Promise<string[]> =>
    // The other timeouts have the setting's name as well.
    (await subjectsOf(superuser, missingStatementTimeout)).filter((key) => key.endsWith('of test"'))

  beforeAll(async () => {
    for (const role of roles) await superuser.query(`CREATE ROLE "${role}" LOGIN`)
    await superuser.query(`
      GRANT CREATE ON SCHEMA public TO ${roles.map((role) => `"${role}"`).join(', ')};
      ALTER ROLE "bad_zero of test" SET statement_timeout = 0;
      ALTER ROLE "good_own of test" SET statement_timeout = '5s';
      ALTER ROLE "good_here of test" IN DATABASE ${database.name} SET statement_timeout = 5000;
      ALTER ROLE "good_nologin of test" NOLOGIN;
      CREATE TABLE owned (a int);
      ALTER TABLE owned OWNER TO "good_owner of test"`)
  })
  afterAll(async () => {
    await superuser.query(roles.map((role) => `DROP OWNED BY "${role}"; DROP ROLE "${role}";`).join(''))
  })

  it('finds roles without a timeout, but neither owners nor roles that cannot log in', async () => {
    expect(await ours()).toEqual(['"Bad App of test"', '"bad_zero of test"'])
  })

  it('finds none where the whole database has a timeout', async () => {
    await superuser.query(`ALTER DATABASE ${database.name} SET statement_timeout = '1min'`)
    expect(await ours()).toEqual(['"bad_zero of test"'])
    await superuser.query(`ALTER DATABASE ${database.name} RESET statement_timeout`)
  })

  it('drafts a timeout in this database, taken back exactly', async () => {
    await superuser.query(
      `ALTER ROLE "Bad App of test" IN DATABASE ${database.name} SET statement_timeout = '0'`,
    )
    const operations = [
      await operationAbout(superuser, missingStatementTimeout, 'Bad App of test'),
      await operationAbout(superuser, missingStatementTimeout, 'bad_zero of test'),
    ]
    // The one had a value here, the other one only for all databases, which stays.
    expect(operations[0]?.down.join()).toContain(
      `SET statement_timeout = %L', 'Bad App of test', pg_catalog.current_database(), '0'`,
    )
    expect(operations[1]?.down.join()).toContain('RESET statement_timeout')
    await expectReversible(superuser, ...operations)
    expect(await ours()).toEqual([])
    const { rows } = await superuser.query(
      `SELECT rolconfig FROM pg_roles WHERE rolname = 'bad_zero of test'`,
    )
    expect(rows).toEqual([{ rolconfig: ['statement_timeout=0'] }])
  })

  it('gives a role that an API switches to its timeout for all databases, which PostgREST reads', async () => {
    // On a server of its own: roles of this name belong to all tests.
    const server = await startEmbedded()
    const client = await connect(server.url())
    await client.query('CREATE ROLE anon; CREATE TABLE seen (a int); GRANT SELECT ON seen TO anon')
    const operation = await operationAbout(client, missingStatementTimeout, 'anon')
    expect(operation.up).toEqual([`ALTER ROLE "anon" SET statement_timeout = '3s'`])
    await expectReversible(client, operation)
    await client.end()
    await server.stop()
  })
})

describe('missing_statement_timeout on a server with other databases', () => {
  let ours: TestDatabase
  let theirs: TestDatabase
  let superuser: Client

  const logins = [
    'granted',
    'column_granted',
    'function_owner',
    'named_by_policy',
    'through_group',
    'reader_of_all',
    'with_setting_here',
    'connected_here',
    'nothing_at_all',
    'granted_there',
    'through_group_there',
    'with_setting_there',
    'connected_there',
    'connect_only',
    'may_not_connect',
    'authenticator_of_none',
  ]
  const name = (role: string) => `"of others ${role}"`
  const found = async (database: TestDatabase) =>
    (await subjectsOf(await database.connect(), missingStatementTimeout))
      .filter((key) => key.startsWith('"of others') && key.endsWith('"'))
      .map((key) => key.slice('"of others '.length, -1))

  beforeAll(async () => {
    ours = await createDatabase()
    theirs = await createDatabase()
    superuser = await ours.connect()
    await superuser.query(`
      CREATE ROLE ${name('group')};
      CREATE ROLE ${name('group_there')};
      ${logins.map((role) => `CREATE ROLE ${name(role)} LOGIN PASSWORD 'test';`).join('\n')}
      CREATE TABLE open_to_all (a int, b int);
      GRANT ALL ON open_to_all TO PUBLIC;
      ALTER TABLE open_to_all ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON open_to_all FOR SELECT TO ${name('named_by_policy')} USING (true);
      CREATE TABLE closed (a int, b int);
      GRANT SELECT ON closed TO ${name('granted')}, ${name('group')}, ${name('may_not_connect')};
      GRANT SELECT (b) ON closed TO ${name('column_granted')};
      CREATE FUNCTION made() RETURNS int LANGUAGE sql RETURN 1;
      ALTER FUNCTION made() OWNER TO ${name('function_owner')};
      ALTER ROLE ${name('through_group')} NOINHERIT;
      GRANT ${name('group')} TO ${name('through_group')};
      GRANT ${name('group_there')} TO ${name('through_group_there')};
      GRANT pg_read_all_data TO ${name('reader_of_all')};
      ALTER ROLE ${name('with_setting_here')} IN DATABASE ${ours.name} SET work_mem = '8MB';
      ALTER ROLE ${name('with_setting_there')} IN DATABASE ${theirs.name} SET work_mem = '8MB';
      REVOKE CONNECT ON DATABASE ${ours.name} FROM PUBLIC;
      GRANT CONNECT ON DATABASE ${ours.name} TO
        ${logins
          .filter((role) => role !== 'may_not_connect')
          .map(name)
          .join(', ')}`)
    const there = await theirs.connect()
    await there.query(`
      CREATE TABLE closed (a int);
      GRANT SELECT ON closed TO ${name('granted_there')}, ${name('group_there')}`)
    await ours.connect(urlOf(ours.name, { user: 'of others connected_here', password: 'test' }))
    await theirs.connect(urlOf(theirs.name, { user: 'of others connected_there', password: 'test' }))
  })
  afterAll(async () => {
    const all = [...logins, 'group', 'group_there'].map(name).join(', ')
    for (const database of [theirs, ours]) await (await database.connect()).query(`DROP OWNED BY ${all}`)
    const last = await theirs.connect()
    await ours.drop()
    await last.query(`DROP ROLE ${all}`)
    await theirs.drop()
  })

  it('reports only the roles that this database concerns', async () => {
    expect(await found(ours)).toEqual([
      'column_granted',
      'connected_here',
      'function_owner',
      'granted',
      'named_by_policy',
      'reader_of_all',
      'through_group',
      'with_setting_here',
    ])
  })

  it('reports, in the other database, only the roles that it concerns', async () => {
    expect(await found(theirs)).toEqual([
      'connected_there',
      'granted_there',
      'reader_of_all',
      'through_group_there',
      'with_setting_there',
    ])
  })
})

describe('timeouts from the workload', () => {
  let database: TestDatabase
  let superuser: Client
  const role = '"Slow App of test"'

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
    await superuser.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'test'; GRANT CREATE ON SCHEMA public TO ${role}`,
    )
  })
  afterAll(async () => {
    await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    await database.drop()
  })

  it('proposes every timeout that the server knows, the statement timeout alone as a warning', async () => {
    const { findings } = await look(superuser, missingStatementTimeout)
    const ours = findings.filter(({ subject }) => subject[0] === 'Slow App of test')
    expect(ours.map(({ level, subject }) => [level, subject[1] ?? 'statement_timeout'])).toEqual([
      ['warn', 'statement_timeout'],
      ['info', 'idle_in_transaction_session_timeout'],
      ['info', 'lock_timeout'],
      ['info', 'idle_session_timeout'],
      ['info', 'transaction_timeout'],
    ])
    const operations = ours.flatMap(({ remedy }) => (remedy.kind === 'migration' ? [remedy.operation] : []))
    expect(operations).toHaveLength(5)
    await expectReversible(superuser, ...operations)
  })

  it('ends a runaway statement and an idle transaction in this database, and in no other', async () => {
    const [here, other] = [await createDatabase(), await createDatabase()]
    const inHere = await here.connect()
    await expectReversible(
      inHere,
      ...['statement_timeout', 'idle_in_transaction_session_timeout'].map((setting) =>
        alterSettingHere(
          'Slow App of test',
          { setting, value: '200ms', current: null },
          { rule: 'missing_statement_timeout', why: 'It is a test.' },
        ),
      ),
    )
    const login = { user: 'Slow App of test', password: 'test' }
    const app = await here.connect(urlOf(here.name, login))
    await expect(app.query('SELECT pg_sleep(10)')).rejects.toThrow('statement timeout')
    await app.query('BEGIN')
    const sessions = async () =>
      (
        await inHere.query(`SELECT FROM pg_stat_activity WHERE usename = $1 AND datname = $2`, [
          login.user,
          here.name,
        ])
      ).rowCount
    await expect.poll(sessions).toBe(0)
    const elsewhere = await other.connect(urlOf(other.name, login))
    await elsewhere.query('BEGIN; SELECT pg_sleep(0.5)')
    await inHere.query('SELECT pg_sleep(0.5)')
    await elsewhere.query('COMMIT')
    await here.drop()
    await other.drop()
  })
})

describe('as the owner of the database, who may not alter other roles', () => {
  let database: TestDatabase
  let superuser: Client
  let owner: Client
  const names = ['plain_owner', 'plain_app'].map((name) => `"${name} of test"`)
  const [ownerRole, app] = names as [string, string]

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
    await superuser.query(`
      CREATE ROLE ${ownerRole} LOGIN PASSWORD 'test'; CREATE ROLE ${app} LOGIN PASSWORD 'test';
      ALTER DATABASE ${database.name} OWNER TO ${ownerRole};
      CREATE SCHEMA own AUTHORIZATION ${ownerRole}; GRANT USAGE ON SCHEMA own TO ${app}`)
    owner = await database.connect(urlOf(database.name, { user: 'plain_owner of test', password: 'test' }))
  })
  afterAll(async () => {
    await owner.end()
    await superuser.query(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`)
    await superuser.query(`DROP OWNED BY ${names.join(', ')}; DROP ROLE ${names.join(', ')}`)
    await database.drop()
  })

  it('ends idle transactions of everybody, taken back exactly, and leaves statement_timeout to an administrator', async () => {
    await owner.query(`ALTER DATABASE ${database.name} SET idle_in_transaction_session_timeout = 0`)
    const about = (setting: string[]) =>
      findingAbout(owner, missingStatementTimeout, 'plain_app of test', ...setting)
    expect((await about([])).remedy).toMatchObject({
      kind: 'runbook',
      steps: [
        expect.stringContaining(
          `ALTER ROLE ${app} IN DATABASE (this one) SET statement_timeout = '30s'`,
        ) as string,
        expect.stringContaining('RESET statement_timeout') as string,
      ],
    })
    const setting = 'idle_in_transaction_session_timeout'
    const operation = await operationAbout(owner, missingStatementTimeout, 'plain_app of test', setting)
    expect(operation.up.join()).toContain(`ALTER DATABASE %I SET ${setting}`)
    await expectReversible(owner, operation)
    expect(await subjectsOf(owner, missingStatementTimeout)).not.toContain(`"plain_app of test".${setting}`)
    await owner.query(`ALTER DATABASE ${database.name} SET ${setting} = '200ms'`)
    const client = await database.connect(
      urlOf(database.name, { user: 'plain_app of test', password: 'test' }),
    )
    await client.query('BEGIN')
    const sessions = async () =>
      (await superuser.query(`SELECT FROM pg_stat_activity WHERE usename = 'plain_app of test'`)).rowCount
    await expect.poll(sessions).toBe(0)
  })
})
