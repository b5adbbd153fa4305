import pg from 'pg'

/** A role that sees what everybody may see, and nothing else: its answers are shown to all. */
export const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 })
