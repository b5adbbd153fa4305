import { configValue, plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

export const mikroorm: Recogniser = {
  name: 'mikroorm',
  title: 'MikroORM',
  recognise(files) {
    const config = ['mikro-orm.config', 'src/mikro-orm.config']
      .flatMap((path) => [`${path}.ts`, `${path}.js`, `${path}.mjs`])
      .find((path) => files.has(path))
    if (config !== undefined) {
      const text = files.read(config)
      const path = configValue(text, 'pathTs') ?? configValue(text, 'path') ?? 'migrations'
      return { by: config, migrations: plainPath(path) }
    }
    const dependency = files.dependency('@mikro-orm/migrations', '@mikro-orm/core', '@mikro-orm/postgresql')
    return dependency === undefined ? undefined : { by: dependency, migrations: 'migrations', weak: true }
  },
}
