import type { Proofs } from '../migrate/prove.ts'

/** A line per migration, what is not as it was beneath it, and what the proof does not cover. */
export function proofText({ migrations, notCopied }: Proofs): string {
  const lines = migrations.flatMap(({ name, reversible, proven, reason, difference = [] }) => {
    const verdict = proven ? (reversible ? '✔' : '✘') : '?'
    const word = proven ? (reversible ? 'reversible' : 'not reversible') : 'not proven'
    return [
      `${verdict} ${name}  ${word}${reason === undefined ? '' : `: ${reason}`}`,
      ...difference.map((sentence) => `    ${sentence}`),
    ]
  })
  const rest = notCopied.map(({ object, reason }) => `    ${object}: ${reason}`)
  return `${[...lines, ...(rest.length > 0 ? ['Not in the shadow, so not covered:', ...rest] : [])].join('\n')}\n`
}
