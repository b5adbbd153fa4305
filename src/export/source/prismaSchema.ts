import { join } from 'node:path'
import type { CreatedIndex, IndexChange } from './indexChanges.ts'
import type { PrismaModel } from './prismaModels.ts'
import { readModels } from './prismaModels.ts'
import type { SchemaChanges } from './schemaSource.ts'
import { readSchemaFiles } from './schemaFiles.ts'

/** Adds `@@index` to the models of `schema.prisma`, or of all `.prisma` files beside the migrations. */
export async function editPrismaSchemas(out: string, changes: IndexChange[]): Promise<SchemaChanges> {
  const files = await readSchemaFiles(join(out, '..'), '.prisma')
  const models = files.flatMap((file) => readModels(file).map((model) => ({ file, model })))
  const byHand: string[] = []
  const added = new Map<PrismaModel, string[]>()
  for (const change of changes) {
    if (change.kind === 'dropped') {
      const home = models.find(({ model }) => namesIndex(model, change.index.name))
      if (home)
        byHand.push(`${home.file.path}, model ${home.model.name}: remove the line of ${change.index.name}`)
      continue
    }
    const home = models.find(
      ({ model: { table } }) => table.name === change.table.name && table.schema === change.table.schema,
    )
    if (!home || namesIndex(home.model, change.name)) continue
    const line = attributeOf(change, home.model)
    if (line === undefined)
      byHand.push(`${home.file.path}, model ${home.model.name}: Prisma has no attribute for ${change.sql}`)
    else added.set(home.model, [...(added.get(home.model) ?? []), line])
  }
  const edits = files.flatMap(({ path, text }) => {
    const own = models.filter(({ file, model }) => file.path === path && added.has(model))
    if (own.length === 0) return []
    const lines = text.split('\n')
    const diff: string[] = []
    // From the last model upwards, so that line numbers stay.
    for (const { model } of own.toReversed()) {
      const attributes = added.get(model) ?? []
      lines.splice(model.end, 0, ...attributes.map((line) => `  ${line}`))
      diff.unshift(`model ${model.name}`, ...attributes.map((line) => `+ ${line}`))
    }
    return [{ path, text: lines.join('\n'), diff }]
  })
  return { edits, byHand }
}

function namesIndex({ attributes }: PrismaModel, name: string): boolean {
  return attributes.some((line) => line.includes(string(name)))
}

const methods: Record<string, string> = {
  btree: '',
  gin: ', type: Gin',
  gist: ', type: Gist',
  hash: ', type: Hash',
  brin: ', type: Brin',
}

/** `@@index([customerId, createdAt(sort: Desc)], map: "a_b_idx")`; undefined where Prisma cannot say it. */
function attributeOf({ name, plain }: CreatedIndex, { fields }: PrismaModel): string | undefined {
  const method = methods[plain?.method ?? '']
  if (plain === undefined || method === undefined) return undefined
  const list: string[] = []
  for (const column of plain.columns) {
    const field = fields.get(column.name)
    if (field === undefined) return undefined
    list.push(column.descending ? `${field}(sort: Desc)` : field)
  }
  return `@@index([${list.join(', ')}]${method}, map: ${string(name)})`
}

function string(text: string): string {
  return JSON.stringify(text)
}
