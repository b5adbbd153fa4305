import type { ExportedMigration } from './exported.ts'

/** How a line begins that says which operations a file does; `optimize` finds it again. */
export const idsLine = 'hundredfold operations:'

/** Comment lines for the head of a file: which operations it does, and why. No tool reads anything into them. */
export function header({ ids, rule, why }: ExportedMigration, mark: '--' | '//' | '#' = '--'): string {
  const lines = [
    ...(ids.length > 0 ? [`${idsLine} ${ids.join(', ')}`] : []),
    ...(rule === '' ? [] : [`rule: ${rule}`]),
    ...(why === '' ? [] : [`why: ${why}`]),
  ]
  return lines.map((line) => `${mark} ${harmless(line)}\n`).join('')
}

/** On one line, without what a tool might take for one of its own marks or placeholders. */
export function harmless(text: string): string {
  return (
    text
      // Also U+2028 and U+2029, which end a line in JavaScript.
      .replaceAll(/[\s\p{Cc}\u2028\u2029]+/gu, ' ')
      .replaceAll('--', '- -')
      .replaceAll('*/', '* /')
      .replaceAll('/*', '/ *')
      .replaceAll('${', '$ {')
      .replaceAll(/:(?=[A-Za-z])/g, ': ')
      .trim()
  )
}
