import { posix } from 'node:path'
import * as z from 'zod'
import { configValue, plainPath } from '../configValue.ts'
import type { ProjectFiles } from '../projectFiles.ts'
import type { Recogniser } from '../tool.ts'

const ownSection = z.object({ schema: z.string() })

export const prisma: Recogniser = {
  name: 'prisma',
  title: 'Prisma',
  recognise(files) {
    const config = files.firstOf(
      'prisma.config.ts',
      'prisma.config.mts',
      'prisma.config.js',
      'prisma.config.mjs',
    )
    const named = namedSchema(files, config)
    const schema = named ?? files.firstOf('prisma/schema.prisma', 'schema.prisma', 'prisma/schema')
    const by = schema ?? config
    const folder = schema?.endsWith('.prisma') ? posix.dirname(schema) : 'prisma'
    const migrations = plainPath(posix.join(folder, 'migrations'))
    if (by !== undefined) return { by, migrations }
    const dependency = files.dependency('prisma', '@prisma/client')
    return dependency === undefined ? undefined : { by: dependency, migrations, weak: true }
  },
}

function namedSchema(files: ProjectFiles, config: string | undefined): string | undefined {
  const section = ownSection.safeParse(files.manifest?.['prisma'])
  const named =
    section.data?.schema ?? (config === undefined ? undefined : configValue(files.read(config), 'schema'))
  return named === undefined ? undefined : plainPath(named)
}
