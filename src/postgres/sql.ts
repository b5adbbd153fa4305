import type { Database } from './database.ts'
import { quote } from './identifiers.ts'

/**
 * A piece of SQL. Pieces may be put into one another: `sql` numbers their parameters when it is executed. Another piece,
 * an identifier or a literal goes into the text; any other value becomes a parameter.
 */
export class Sql<Row = unknown> {
  private readonly texts: readonly string[]
  private readonly values: readonly unknown[]

  constructor(texts: readonly string[], values: readonly unknown[]) {
    this.texts = texts
    this.values = values
  }

  /** Runs it as one statement in the session. */
  async execute(db: Database): Promise<{ rows: Row[] }> {
    const { text, values } = this.compile()
    return db.query<Row>(text, values)
  }

  /** The text with `$1`, `$2` ... and the values of these parameters. */
  compile(): { text: string; values: unknown[] } {
    const values: unknown[] = []
    return { text: this.write(values), values }
  }

  private write(parameters: unknown[]): string {
    return this.texts.reduce((text, next, index) => {
      const value = this.values[index - 1]
      if (value instanceof Sql) return text + value.write(parameters) + next
      return `${text}$${parameters.push(value)}${next}`
    })
  }
}

/**
 * SQL with parameters.
 *
 * ```ts
 * const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.id('public', 'cities')} WHERE id = ${7}`.execute(db)
 * ```
 *
 * ```sql
 * SELECT name FROM "public"."cities" WHERE id = $1
 * ```
 */
export function sql<Row = unknown>(texts: TemplateStringsArray, ...values: unknown[]): Sql<Row> {
  return new Sql<Row>(texts, values)
}

/** Text as it is. Never pass it what a user has typed. */
sql.raw = <Row = unknown>(text: string): Sql<Row> => new Sql<Row>([text], [])

/** A quoted identifier, of one or several parts: `sql.id('public', 'cities')`. */
sql.id = (...parts: string[]): Sql => sql.raw(parts.map(quote).join('.'))

/** A quoted reference, whose parts are separated by dots: `sql.ref('con.conname')`. */
sql.ref = (reference: string): Sql => sql.id(...reference.split('.'))

/** A literal in the text, where PostgreSQL takes no parameter. */
sql.lit = (value: string | number | boolean | null): Sql =>
  sql.raw(typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value))

/** Several values or pieces with something in between, by default a comma. */
sql.join = (parts: readonly unknown[], between: Sql = sql.raw(', ')): Sql => {
  const values = parts.flatMap((part, index) => (index === 0 ? [part] : [between, part]))
  return new Sql(['', ...values.map(() => '')], values)
}
