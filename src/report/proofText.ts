import type { Proofs } from '../migrate/prove.ts'
import { shortList } from '../shortList.ts'

/** A line per migration, with its differences beneath it, and what the proof does not cover; JSON has the full lists. */
export function proofText({ migrations, notCopied }: Proofs): string {
  const lines = migrations.flatMap(({ name, reversible, proven, reason, difference = [] }) => {
    const verdict = proven ? (reversible ? '✔' : '✘') : '?'
    const word = proven ? (reversible ? 'reversible' : 'not reversible') : 'not proven'
    return [
      `${verdict} ${name}  ${word}${reason === undefined ? '' : `: ${reason}`}`,
      ...(difference.length > 0 ? [`    ${shortList(difference, '\n    ')}`] : []),
    ]
  })
  const rest = notCopied.map(({ object, reason }) => `${object}: ${reason}`)
  const notCovered = ['Not in the shadow, so not covered:', `    ${shortList(rest, '\n    ')}`]
  return `${[...lines, ...(rest.length > 0 ? notCovered : [])].join('\n')}\n`
}
