/** A PostgreSQL server on which we may create databases and roles: for tests, demo, bench and shadow. */
export interface Server {
  kind: 'external' | 'testcontainers' | 'embedded'
  /** Major version, such as 18. */
  version: number
  /** The superuser's URL of a database, by default of `postgres`. It holds a password: never print it. */
  url(database?: string): string
  /** Ends the server and removes everything of it; an external one is left as it is. */
  stop(): Promise<void>
}

/** How to start a throw-away server. */
export interface ServerOptions {
  /** Major version of PostgreSQL, 14 to 18; 18 where absent. */
  version?: number
  /** Lines of `postgresql.conf`, such as `{ work_mem: '64MB' }`; they win over our own. */
  settings?: Record<string, string>
  /** Extensions that a role without superuser rights may create, as on managed platforms. */
  trustedExtensions?: string[]
}
