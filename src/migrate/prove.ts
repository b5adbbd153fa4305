import type { ClientBase } from 'pg'
import type { NotCopied } from '../shadow/notCopied.ts'
import type { LedgerRow } from './ledger.ts'
import type { Migration } from './migration.ts'
import { readHistory, refuseBelowOthers } from './readHistory.ts'
import type { Rehearsal, Stage } from './rehearsal.ts'
import { onStage, rehearse, togetherInSeries } from './rehearsal.ts'
import { rewind } from './rewind.ts'

/** Whether a migration's `down` takes back exactly what its `up` did. */
export interface Proof {
  name: string
  /** True only if it was proven. */
  reversible: boolean
  /** False if the shadow could not show it; `reason` says why. */
  proven: boolean
  reason?: string
  /** What differs from before, as sentences. */
  difference?: string[]
}

export interface Proofs {
  migrations: Proof[]
  /** What the shadow lacks; a proof covers everything else. */
  notCopied: NotCopied[]
}

/**
 * Runs every migration up, down and up again in a shadow of the database, and compares the schema after each run. The
 * database itself is only read. Migrations that are applied in it are first taken back in the shadow.
 */
export async function prove(
  migrations: Migration[],
  source: ClientBase,
  options: { onProgress?: (name: string) => void; signal?: AbortSignal } = {},
): Promise<Proofs> {
  const { rows: ledger, elsewhere } = await readHistory(source, migrations)
  refuseBelowOthers(ledger, elsewhere)
  return onStage(source, async (stage) => {
    const failed = await rewind(stage, migrations, ledger)
    const proofs: Proof[] = []
    for (const group of togetherInSeries(migrations)) {
      options.signal?.throwIfAborted()
      options.onProgress?.(group.map(({ name }) => name).join(', '))
      proofs.push(...(await proveGroup(stage, group, ledger, failed)))
    }
    return { migrations: proofs, notCopied: stage.shadow.notCopied }
  })
}

async function proveGroup(
  stage: Stage,
  group: Migration[],
  ledger: LedgerRow[],
  rewindFailures: ReadonlyMap<string, string>,
): Promise<Proof[]> {
  const known = group.flatMap(({ name }) => knownProof(name, ledger, rewindFailures) ?? [])
  if (known.length === 0) return (await rehearse(stage, group)).map(toProof)
  // A series is proven as a whole or not at all.
  return group.map(
    ({ name }) =>
      known.find((proof) => proof.name === name) ?? {
        ...{ name, reversible: false, proven: false },
        reason: `it is of one series with ${known[0]?.name ?? ''}, which was not run`,
      },
  )
}

function knownProof(
  name: string,
  ledger: LedgerRow[],
  rewindFailures: ReadonlyMap<string, string>,
): Proof | undefined {
  if (ledger.some((row) => row.name === name && row.adopted)) {
    return { name, reversible: true, proven: true, reason: 'adopted: `down` runs nothing' }
  }
  const reason = rewindFailures.get(name)
  return reason === undefined ? undefined : { name, reversible: false, proven: false, reason }
}

/** What the dry run shows about reversibility. */
export function toProof(rehearsal: Rehearsal): Proof {
  const { name, proven, reason, failedConditions } = rehearsal
  const difference = [
    ...rehearsal.difference,
    ...failedConditions.map(
      ({ description, phase, expected, actual }) =>
        `condition ${phase}: ${description}: expected ${expected ?? ''}, found ${actual ?? ''}`,
    ),
  ]
  return {
    name,
    reversible: proven && difference.length === 0,
    proven,
    ...(reason === undefined ? {} : { reason }),
    ...(difference.length > 0 ? { difference } : {}),
  }
}
