/** What a server did between two looks at pg_stat_database. */
export interface Activity {
  /** Time that sessions spent executing, idle in a transaction included, in milliseconds. */
  busyMs: number
  transactions: number
  elapsedMs: number
}

/** How many connections a pool needs, and from what that follows. */
export interface PoolSize {
  size: number
  /** Sessions that were busy at once, on average. */
  busy: number
  transactionsPerSecond: number
  /** Mean time that a transaction keeps a connection, in milliseconds. */
  serviceMs: number
  /** Whether the processors set the size, and not the load. */
  isLimitedByCores: boolean
}

/**
 * The size of a pool, from what was measured: by Little's law, busy connections = transactions per second x time per
 * transaction (John D. C. Little, "A Proof for the Queuing Formula L = λW", 1961). Arrivals come in bursts: to the mean come
 * three times its square root, the spread of random arrivals, so that about one in a thousand has to wait. More
 * connections than twice the cores and one (PostgreSQL's wiki, "Number Of Database Connections") only wait for each other's
 * processors, locks and disk.
 *
 * @param cores of the server; undefined where they are not known
 */
export function poolSize(activity: Activity, cores: number | undefined): PoolSize {
  const { busyMs, transactions, elapsedMs } = activity
  const busy = elapsedMs > 0 ? Math.max(0, busyMs / elapsedMs) : 0
  const wanted = Math.max(1, Math.ceil(busy + 3 * Math.sqrt(busy)))
  const most = cores === undefined ? Infinity : 2 * cores + 1
  return {
    size: Math.min(wanted, most),
    busy,
    transactionsPerSecond: elapsedMs > 0 ? (transactions * 1_000) / elapsedMs : 0,
    serviceMs: transactions > 0 ? busyMs / transactions : 0,
    isLimitedByCores: wanted > most,
  }
}
