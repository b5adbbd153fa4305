import { Option } from 'commander'
import type { Exported } from '../export/exportTo.ts'
import { misread, openExport } from '../export/exportTo.ts'
import { exportOperation } from '../export/exported.ts'
import type { FormatName } from '../export/format.ts'
import { formatNames } from '../export/format.ts'
import { formats } from '../export/formats.ts'
import { schemaChanges } from '../export/source/schemaSource.ts'
import { writeExport } from '../export/writeExport.ts'
import type { Operation } from '../operations/operation.ts'
import type { Group } from '../optimize/groupOperations.ts'
import { declareSchema } from './declareSchema.ts'
import type { Terminal } from './terminal.ts'

/** `--format`: the migration tool whose layout the files have. */
export function formatOption(): Option {
  return new Option('--format <name>', 'write them for another migration tool').choices(formatNames)
}

/** What was written for another tool. */
export interface WrittenForTool {
  /** The first file of each operation. */
  files: Map<Operation, string>
  refused: Map<Operation, string>
  notes: string[]
}

/** Writes a group's operations as files of the tool. What it cannot run is left out, with what requires it. */
export async function writeForTool(
  format: FormatName,
  out: string,
  groups: Group[],
  { terminal, yes }: { terminal: Terminal; yes: boolean },
): Promise<WrittenForTool> {
  const layout = await openExport({ format, out })
  const [files, refused] = [new Map<Operation, string>(), new Map<Operation, string>()]
  const written: Exported[] = []
  for (const { operation, operations } of groups) {
    const migration = await exportOperation(operation)
    const reason =
      'refused' in migration
        ? migration.refused
        : (misread(format, migration) ?? requiresRefused(operations, refused))
    if ('refused' in migration || reason !== undefined) {
      for (const each of operations) refused.set(each, reason ?? '')
      continue
    }
    const exported = layout.add(migration)
    written.push(exported)
    for (const each of operations) files.set(each, exported.files[0]?.path ?? exported.name)
  }
  const migrations = written.map(({ migration }) => migration)
  const changes = await schemaChanges(format, out, migrations)
  await writeExport(
    written.flatMap((each) => each.files),
    terminal.signal,
  )
  const declared = await declareSchema(changes, terminal, yes)
  return { files, refused, notes: [...declared, ...nextSteps(format, written)] }
}

function requiresRefused(operations: Operation[], refused: Map<Operation, string>): string | undefined {
  const ids = new Set([...refused.keys()].flatMap((each) => each.ids))
  const missing = operations
    .flatMap(({ requires = [] }) => requires)
    .find((required) => required.ids.some((id) => ids.has(id)))
  return missing && `it requires ${missing.title}, which cannot be exported: ${refused.get(missing) ?? ''}`
}

/** What to do with the files, for people. */
export function nextSteps(format: FormatName, written: Exported[]): string[] {
  const { next, outsideTransaction } = formats[format]
  const [first] = written
  const outside = written.some(({ migration: { up, down } }) => !up.transactional || !down.transactional)
  return [
    ...(outside && outsideTransaction ? [`Note: ${outsideTransaction}`] : []),
    `Next: review them, then ${next}.`,
    ...(first?.conditions
      ? [`Conditions: hundredfold verify --before ${first.conditions}, run the file, then --after.`]
      : []),
  ]
}
