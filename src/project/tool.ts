import type { ProjectFiles } from './projectFiles.ts'

/** Migration tools that a project may have. Those that can be written are named as by `--format`. */
export const toolNames = [
  'supabase',
  'prisma',
  'drizzle',
  'knex',
  'typeorm',
  'mikroorm',
  'kysely',
  'node-pg-migrate',
  'graphile',
  'dbmate',
  'flyway',
  'sqitch',
] as const

export type ToolName = (typeof toolNames)[number]

/** Where a tool was recognised. */
export interface Sign {
  /** The file, directory or dependency that gives it away, for people: `prisma/schema.prisma`. */
  by: string
  /** Where the tool's own migrations lie, or will. */
  migrations: string
  /** Only package.json names it, which may as well use it for queries alone. */
  weak?: true
}

/** Recognises one tool. */
export interface Recogniser {
  name: ToolName
  /** As its authors write it. */
  title: string
  recognise(files: ProjectFiles): Sign | undefined
}

/** A tool that a project has. */
export interface RecognisedTool extends Sign {
  name: ToolName
  title: string
}
