import type { Database } from '../../postgres/database.ts'
import { listUpkeepFunctions } from '../../catalog/upkeepFunctions.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import type { Job, Work } from './job.ts'

/**
 * The next partitions, by the functions that the command partition has installed. Then those whose rows are all older than
 * the retention are dropped, where one was declared.
 */
export async function partitionJobs(db: Database): Promise<Work> {
  const functions = await listUpkeepFunctions(db)
  return {
    // Those of tables come first, so that dropping old ones never keeps new ones from being made.
    jobs: functions
      .filter(({ isCallable }) => isCallable)
      .sort((a, b) => a.does.localeCompare(b.does))
      .map(({ does, retention, ...name }): Job => {
        const sql = does === 'add' ? `SELECT * FROM ${qualified(name)}()` : `CALL ${qualified(name)}()`
        return {
          task: does === 'add' ? 'partitions' : 'retention',
          subject: name.name,
          sql,
          title:
            does === 'add'
              ? `Make the next partitions: ${name.name}`
              : `Drop partitions older than ${retention ?? 'the retention'}: ${name.name}`,
          why: does === 'add' ? 'partitions are made ahead' : 'a retention is declared',
          affects: does === 'add' ? [] : ['dropped rows cannot come back'],
          isDoneBy: (command) =>
            command.includes(`${quote(name.name)}(`) || command.includes(`.${name.name}(`),
          run: async (session) => {
            const said: string[] = []
            const hear = ({ message }: { message?: string | undefined }) => said.push(message ?? '')
            session.on('notice', hear)
            try {
              const { rows } = await session.query<Record<string, unknown>>(sql)
              const names = rows.map((row) => Object.values(row).map(String).join(' '))
              if (does === 'drop') return said.length > 0 ? said.join(', ') : 'none of them is old enough'
              return names.length > 0 ? `made ${names.join(', ')}` : 'all of them were there'
            } finally {
              session.off('notice', hear)
            }
          },
        }
      }),
    cannot: functions
      .filter(({ isCallable }) => !isCallable)
      .map((name) => `call ${display(name)}: this role has no EXECUTE on it`),
  }
}
