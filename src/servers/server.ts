/** A PostgreSQL server on which we may create databases and roles: for tests, demo, bench and shadow. */
export interface Server {
  kind: 'external' | 'testcontainers' | 'embedded'
  /** Major version, such as 18. */
  version: number
  /** Superuser's URL of a database; of `postgres` where none is named. Holds a password: never print it. */
  url(database?: string): string
  /** Ends the server and leaves nothing of it behind; an external one is left as it is. */
  stop(): Promise<void>
}

/** What is wanted of a throw-away server. */
export interface ServerOptions {
  /** Major version of PostgreSQL, 14 to 18; 18 where absent. */
  version?: number
  /** Lines of `postgresql.conf`, such as `{ work_mem: '64MB' }`; they win over our own. */
  settings?: Record<string, string>
  /** Extensions that somebody who is no superuser may create, as managed platforms allow it. */
  trustedExtensions?: string[]
}
