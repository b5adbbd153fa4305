import { configValue, plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

export const kysely: Recogniser = {
  name: 'kysely',
  title: 'Kysely',
  recognise(files) {
    const config = ['kysely.config', '.config/kysely.config']
      .flatMap((path) => [`${path}.ts`, `${path}.js`, `${path}.mjs`])
      .find((path) => files.has(path))
    if (config !== undefined) {
      const folder = configValue(files.read(config), 'migrationFolder') ?? 'migrations'
      return { by: config, migrations: plainPath(folder) }
    }
    const dependency = files.dependency('kysely-ctl', 'kysely')
    return dependency === undefined ? undefined : { by: dependency, migrations: 'migrations', weak: true }
  },
}
