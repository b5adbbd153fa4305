/** The SQLSTATE of a server's error, or the code of a network error; undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof AggregateError) return errorCode(error.errors[0])
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

/** The server could not get a lock in time, or ended us to resolve a deadlock: trying again may help. */
export function isLockConflict(error: unknown): boolean {
  return ['55P03', '40P01', '40001'].includes(errorCode(error) ?? '')
}

/** A lock conflict, or the statement was cancelled (timeout, Ctrl-C). */
export function isLockOrCancel(error: unknown): boolean {
  return isLockConflict(error) || errorCode(error) === '57014'
}

/** The session is gone: the server stopped, the network broke, or an administrator ended it. */
export function isConnectionLost(error: unknown): boolean {
  const code = errorCode(error)
  if (
    code &&
    (['57P01', '57P02', '57P03', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED'].includes(code) ||
      code.startsWith('08'))
  ) {
    return true
  }
  // pg gives these two no code.
  return (
    error instanceof Error &&
    ['Connection terminated', 'Client has encountered a connection error', 'Client was closed'].some((text) =>
      error.message.startsWith(text),
    )
  )
}
