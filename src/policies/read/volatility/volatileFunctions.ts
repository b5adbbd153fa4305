import type { CatalogFunction } from '../../../catalog/functions.ts'
import type { Database } from '../../../postgres/database.ts'
import { display } from '../../../postgres/identifiers.ts'
import { shortList } from '../../../shortList.ts'
import type { RelationSource } from '../reach.ts'
import type { Code } from './code.ts'
import type { Effects } from './effects.ts'
import { effectsOf } from './effects.ts'
import { completeCode } from './readCode.ts'
import type { Readings } from './readings.ts'
import { readingsOf } from './readings.ts'

/** A VOLATILE function that a policy of the table calls. */
export interface VolatileCall {
  called: CatalogFunction
  tableOid: number
}

/**
 * Judges functions that are declared VOLATILE, which is what CREATE FUNCTION takes them for where nobody says otherwise.
 *
 * Such a function sees what the calling command itself has changed so far; that is all that a policy can notice of the
 * declaration. So it may be called once per statement if it only reads, and if none of the commands that the policy judges
 * can change what it reads. It is not altered.
 */
export class VolatileFunctions {
  readonly #read: () => Promise<Code>
  readonly #source: RelationSource
  #known: Code | undefined
  #readings = new Map<number, Readings | { refusal: string }>()
  #effects = new Map<number, Effects>()

  /** @param read called once, when there is something to judge */
  constructor(read: () => Promise<Code>, source: RelationSource) {
    this.#read = read
    this.#source = source
  }

  get #code(): Code {
    if (!this.#known) throw new Error('a VOLATILE function is judged that nobody prepared')
    return this.#known
  }

  /** Reads everything that judging these calls takes; only they can be judged afterwards. */
  async prepare(db: Database, calls: readonly VolatileCall[]): Promise<void> {
    if (calls.length === 0) return
    this.#known ??= await this.#read()
    await completeCode(db, this.#known, this.#source, () => {
      this.#readings = new Map()
      this.#effects = new Map()
      for (const { called, tableOid } of calls) this.whyPerRow(called, tableOid)
    })
  }

  /**
   * Why the function has to be called for every row of a command that policies of the table judge, as a phrase that names
   * the table or call that forbids anything else; undefined if once per statement is the same.
   */
  whyPerRow(called: CatalogFunction, tableOid: number): string | undefined {
    const readings = this.#readingsOf(called)
    const effects = this.#effectsOf(tableOid)
    if ('refusal' in readings) return readings.refusal
    if (effects.unknown !== undefined)
      return `what a command on ${this.#name(tableOid)} changes is not known: ${effects.unknown}`
    if (effects.settings !== undefined)
      return `a command on ${this.#name(tableOid)} may change a setting: ${effects.settings}`
    for (const [oid, through] of readings.tables) {
      const how = effects.tables.get(oid)
      if (how === undefined) continue
      const because = how === '' ? '' : `: ${how}`
      return `it reads ${this.#name(oid)}${through}, which a command on ${this.#name(tableOid)} may change${because}`
    }
    return undefined
  }

  /** Why calling it once per statement is the same, as a sentence. */
  whyOnce(called: CatalogFunction, tableOid: number): string {
    const readings = this.#readingsOf(called)
    const tables = 'refusal' in readings ? [] : [...readings.tables.keys()].map((oid) => this.#name(oid))
    const reads = tables.length === 0 ? 'no table' : `only ${shortList(tables)}`
    return (
      `${display(called)}() is declared VOLATILE, the default, but it reads ${reads}, which no command on ` +
      `${this.#name(tableOid)} changes by itself. A statement that also writes what it reads, in a WITH or from a ` +
      'SELECT on this table, cannot rely on seeing its own changes: PostgreSQL leaves their order open.'
    )
  }

  #readingsOf(called: CatalogFunction): Readings | { refusal: string } {
    const readings = this.#readings.get(called.oid) ?? readingsOf(called, this.#code)
    this.#readings.set(called.oid, readings)
    return readings
  }

  #effectsOf(tableOid: number): Effects {
    const effects = this.#effects.get(tableOid) ?? effectsOf(tableOid, this.#code)
    this.#effects.set(tableOid, effects)
    return effects
  }

  #name(oid: number): string {
    const table = this.#code.tables.get(oid)
    return table ? display(table) : 'a table'
  }
}
