/**
 * A title for an operation, which becomes the name of its file: lower-case words joined by `-`.
 * `('drop', { schema: 'public', name: 'Bookings_idx' })` -> `drop-bookings-idx`
 */
export function operationTitle(verb: string, ...words: string[]): string {
  const slug = words
    .join('-')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '')
  return `${verb}-${Array.from(slug || 'object')
    .slice(0, 80)
    .join('')}`
}
