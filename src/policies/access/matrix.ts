/** Whose row it is, seen from the person who asks. */
export const standings = ['own', 'colleague', 'stranger', 'any'] as const
export type Standing = (typeof standings)[number]

export const accessCommands = ['select', 'insert', 'update', 'delete'] as const
export type AccessCommand = (typeof accessCommands)[number]

/**
 * `yes`, `no`, `no grant`, `no row` where there is none to try it on, `error 22P02` where the statement failed for another
 * reason.
 */
export type Answer = string

/** What a role may do with one kind of row of a table. */
export interface AccessLine {
  table: string
  role: string
  /** Whose row; `any` where nothing in the table says whose a row is. */
  row: Standing
  /** The role asks without saying who it is: no claims, no settings. */
  unknown: boolean
  answers: Record<AccessCommand, Answer>
}

/** Who may do what. */
export interface AccessMatrix {
  lines: AccessLine[]
  /** What could not be tried, and why. */
  notes: string[]
}

/** An answer that was another one before. */
export interface AccessChange {
  table: string
  role: string
  row: Standing
  unknown: boolean
  command: AccessCommand
  before: Answer | undefined
  now: Answer | undefined
}

/**
 * What differs between two matrices. Where one of them had no row to try, nothing is known and nothing differs.
 *
 * ```ts
 * compareAccess(saved, now) // [{ table: 'public.notes', role: 'anon', row: 'stranger', command: 'select', before: 'no', now: 'yes' }]
 * ```
 */
export function compareAccess(before: AccessMatrix, now: AccessMatrix): AccessChange[] {
  const [old, current] = [byKey(before), byKey(now)]
  return [...new Set([...old.keys(), ...current.keys()])].sort().flatMap((key) => {
    const [one, other] = [old.get(key), current.get(key)]
    const line = other ?? one
    if (!line) return []
    return accessCommands.flatMap((command): AccessChange[] => {
      const [was, is] = [one?.answers[command], other?.answers[command]]
      if (was === is || [was, is].includes('no row')) return []
      const { table, role, row, unknown } = line
      return [{ table, role, row, unknown, command, before: was, now: is }]
    })
  })
}

function byKey({ lines }: AccessMatrix): Map<string, AccessLine> {
  return new Map(lines.map((line) => [JSON.stringify([line.table, line.role, line.unknown, line.row]), line]))
}
