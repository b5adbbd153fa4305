import type { ProjectFiles } from './projectFiles.ts'
import type { RecognisedTool, Recogniser } from './tool.ts'
import { dbmate } from './tools/dbmate.ts'
import { drizzle } from './tools/drizzle.ts'
import { flyway } from './tools/flyway.ts'
import { graphile } from './tools/graphile.ts'
import { knex } from './tools/knex.ts'
import { kysely } from './tools/kysely.ts'
import { mikroorm } from './tools/mikroorm.ts'
import { nodePgMigrate } from './tools/nodePgMigrate.ts'
import { prisma } from './tools/prisma.ts'
import { sqitch } from './tools/sqitch.ts'
import { supabase } from './tools/supabase.ts'
import { typeorm } from './tools/typeorm.ts'

const recognisers: readonly Recogniser[] = [
  supabase,
  prisma,
  drizzle,
  knex,
  typeorm,
  mikroorm,
  kysely,
  nodePgMigrate,
  graphile,
  dbmate,
  flyway,
  sqitch,
]

/**
 * The migration tools of a project. A tool that package.json alone names does not count where another one has files of
 * its own: Kysely beside Prisma writes queries.
 */
export function recogniseTools(files: ProjectFiles): RecognisedTool[] {
  const all = recognisers.flatMap((tool) => {
    const sign = tool.recognise(files)
    return sign ? [{ name: tool.name, title: tool.title, ...sign }] : []
  })
  const sure = all.filter(({ weak }) => !weak)
  return sure.length > 0 ? sure : all
}
