/** Nobody reads a message with more names than this. */
const mostNamed = 5

/**
 * The first five items, then how many more there are. For messages only: SQL, JSON and `migrate status` show the
 * whole list.
 *
 * ```ts
 * shortList(['a', 'b'])                          // 'a, b'
 * shortList(['a', 'b', 'c', 'd', 'e', 'f', 'g']) // 'a, b, c, d, e and 2 more'
 * ```
 *
 * @param separator `'; '` between sentences, a line break for a list with one item a line
 */
export function shortList(items: readonly string[], separator = ', '): string {
  const more = items.length - mostNamed
  const shown = items.slice(0, mostNamed).join(separator)
  if (more <= 0) return shown
  return `${shown}${separator.includes('\n') ? separator : ' '}and ${more.toLocaleString('en-US')} more`
}
