import { configValue, plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

export const graphile: Recogniser = {
  name: 'graphile',
  title: 'graphile-migrate',
  recognise(files) {
    const config = files.firstOf('.gmrc', '.gmrc.js', '.gmrc.cjs')
    if (config !== undefined) {
      const text = files.read(config)?.replaceAll(/"(\w+)"\s*:/g, '$1:')
      return { by: config, migrations: plainPath(configValue(text, 'migrationsFolder') ?? 'migrations') }
    }
    return files.dependency('graphile-migrate') === undefined
      ? undefined
      : { by: 'graphile-migrate', migrations: 'migrations', weak: true }
  },
}
