import { dbmate } from './dbmate.ts'
import { drizzle } from './drizzle.ts'
import { flyway } from './flyway.ts'
import type { ExportFormat, FormatName } from './format.ts'
import { graphile } from './graphile.ts'
import { knex } from './knex.ts'
import { kysely } from './kysely.ts'
import { mikroorm } from './mikroorm.ts'
import { prisma } from './prisma.ts'
import { sql } from './sql.ts'
import { sqitch } from './sqitch.ts'
import { supabase } from './supabase.ts'
import { typeorm } from './typeorm.ts'

/** Every format by its name. */
export const formats: Record<FormatName, ExportFormat> = {
  ...{ supabase, prisma, drizzle, knex, typeorm, mikroorm, kysely },
  ...{ graphile, dbmate, flyway, sqitch, sql },
}
