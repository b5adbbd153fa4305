import { plainPath } from '../configValue.ts'
import type { ProjectFiles } from '../projectFiles.ts'
import type { Recogniser } from '../tool.ts'

export const dbmate: Recogniser = {
  name: 'dbmate',
  title: 'dbmate',
  recognise(files) {
    const named = /^\s*(?:export\s+)?DBMATE_MIGRATIONS_DIR\s*=\s*["']?([^"'\s]+)/m
    const setting = ['.env', '.env.example'].find((path) => named.test(files.read(path) ?? ''))
    const directory = named.exec(files.read(setting ?? '') ?? '')?.[1]
    const migrations = plainPath(directory ?? 'db/migrations')
    const file = firstMigration(files, migrations)
    if (file !== undefined) return { by: `${migrations}/${file}`, migrations }
    if (setting !== undefined) return { by: setting, migrations }
    return files.dependency('dbmate') === undefined ? undefined : { by: 'dbmate', migrations, weak: true }
  },
}

function firstMigration(files: ProjectFiles, directory: string): string | undefined {
  return files
    .list(directory)
    .find((name) => name.endsWith('.sql') && files.read(`${directory}/${name}`)?.includes('-- migrate:up'))
}
