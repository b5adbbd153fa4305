import { configValue, plainPath } from '../configValue.ts'
import type { Recogniser } from '../tool.ts'

export const knex: Recogniser = {
  name: 'knex',
  title: 'Knex',
  recognise(files) {
    const config = files.firstOf('knexfile.js', 'knexfile.ts', 'knexfile.cjs', 'knexfile.mjs')
    if (config !== undefined) {
      return {
        by: config,
        migrations: plainPath(configValue(files.read(config), 'directory') ?? 'migrations'),
      }
    }
    return files.dependency('knex') === undefined
      ? undefined
      : { by: 'knex', migrations: 'migrations', weak: true }
  },
}
