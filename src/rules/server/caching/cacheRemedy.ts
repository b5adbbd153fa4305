import { display, displayIdentifier } from '../../../postgres/identifiers.ts'
import { withoutLiterals } from '../../../syntax/withoutLiterals.ts'
import { runbook } from '../../remedies.ts'
import type { Remedy } from '../../rule.ts'
import type { TableTag } from './tableTags.ts'
import { shellWord } from '../../../shellWord.ts'

/** A statement that is longer than this is named by its number. */
const longestSnippet = 1_500

/** What a statement needs so that its answers can be cached. */
interface Wish {
  id: string
  text: string
  role: string
  parameters: number
  tags: readonly TableTag[]
}

/**
 * The commands and the code that cache a statement's answers.
 *
 * @param wanted all tags that any statement wants of each table, by its oid: a table announces one list of them
 * @param announcing the oids of tables that announce something already
 */
export function cacheRemedy(
  wish: Wish,
  wanted: ReadonlyMap<number, readonly string[]>,
  announcing: ReadonlySet<number>,
): Remedy {
  const installs = wish.tags.map(({ table }) => {
    const tags = (wanted.get(table.oid) ?? []).map(shellWord)
    const name = shellWord(table.schema === 'public' ? displayIdentifier(table.name) : display(table))
    const command = `npx hundredfold cache install --table ${name} --tag ${tags.join(' --tag ')}`
    return announcing.has(table.oid)
      ? `${command} -- ${display(table)} announces tags already: if it refuses, take its migration back first, and give the tags of both`
      : command
  })
  return runbook(
    `Cache its answers until ${wish.tags.map(({ table }) => display(table)).join(' or ')} changes`,
    ...installs,
    'npm run migrate plan',
    'npm run migrate up',
    'npx hundredfold cache invalidate -- a worker that follows what commits announce; start two, with REDIS_URL and DIRECT_URL',
    snippetOf(wish),
    `Keep to ${wish.role} for this read, and to people who may see all that it returns: a cache asks nobody who they are.`,
    "pg_stat_statements shows constants as parameters: put them back. None of them may be 'now', 'today' or the like.",
  )
}

/** `await cache.get('statement:3f...:' + JSON.stringify(values), { tags: [...], ttl: 3_600_000 }, () => ...)` */
function snippetOf({ id, text, parameters, tags }: Wish): string {
  const statement = withoutLiterals(text).replaceAll(/\s+/g, ' ').trim()
  const query = statement.length > longestSnippet ? `/* statement ${id} */` : JSON.stringify(statement)
  const key = parameters > 0 ? `'statement:${id}:' + JSON.stringify(values)` : `'statement:${id}'`
  const named = tags.map(({ template, by }) => {
    if (!by) return JSON.stringify(template)
    const value = textOf(by.column.type, `values[${by.parameter - 1}]`)
    return `${JSON.stringify(template.slice(0, template.indexOf('{')))} + ${value}`
  })
  return (
    `const { rows } = await cache.get(${key}, { tags: [${named.join(', ')}], ttl: 3_600_000 }, ` +
    `() => database.query(${query}${parameters > 0 ? ', values' : ''})) // cache: createCache of 'hundredfold/cache'`
  )
}

/** A value as PostgreSQL prints it, which is how tags have it: `7` for `'007'`. */
function textOf(type: string, value: string): string {
  if (type === 'uuid') return `${value}.toLowerCase()`
  return /int|integer/.test(type) ? `BigInt(${value})` : value
}
