import { configValue, plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

export const drizzle: Recogniser = {
  name: 'drizzle',
  title: 'Drizzle',
  recognise(files) {
    const config = files.firstOf(
      'drizzle.config.ts',
      'drizzle.config.js',
      'drizzle.config.mjs',
      'drizzle.config.json',
    )
    if (config !== undefined) {
      const text = files.read(config)?.replaceAll(/"(\w+)"\s*:/g, '$1:')
      return { by: config, migrations: plainPath(configValue(text, 'out') ?? 'drizzle') }
    }
    const dependency = files.dependency('drizzle-kit', 'drizzle-orm')
    return dependency === undefined ? undefined : { by: dependency, migrations: 'drizzle', weak: true }
  },
}
