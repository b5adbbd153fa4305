import { UsageError } from '../../../errors.ts'
import type { AlertFile } from './schema.ts'

/** A secret as the file has it: the name of the variable that holds it. */
export interface SecretReference {
  variable: string
}

/** The value of a variable of the environment; undefined where it is empty. */
export type Variables = (name: string) => string | undefined

/** What a reference stands for. The value goes into requests and nowhere else. */
export type Reveal = (reference: SecretReference) => string

/**
 * Looks up every secret that the file names, so that a missing one is told before anything runs.
 *
 * @throws UsageError that names all missing variables, and never a value
 */
export function revealSecrets(file: AlertFile, variables: Variables): Reveal {
  const missing = namedSecrets(file).filter(({ variable }) => variables(variable) === undefined)
  if (missing.length > 0) {
    const list = missing.map(({ variable, place }) => `${variable} (${place})`).join(', ')
    throw new UsageError(
      `The file of alerts names variables that the environment does not have: ${list}.`,
      'Set them in the environment or in .env, or take out what needs them.',
    )
  }
  for (const { variable, isUrl } of namedSecrets(file)) {
    const value = variables(variable) ?? ''
    if (isUrl && !/^https?:$/.test(URL.parse(value)?.protocol ?? ''))
      throw new UsageError(`The value of ${variable} is no http or https URL.`, `Correct ${variable}.`)
    // Headers end at a line break, and take nothing but Latin characters.
    if (!/^[\x21-\x7e]+$/.test(value))
      throw new UsageError(
        `The value of ${variable} holds a space, a line break or another character that no key has.`,
        `Correct ${variable}.`,
      )
  }
  return ({ variable }) => variables(variable) ?? ''
}

interface NamedSecret extends SecretReference {
  place: string
  isUrl: boolean
}

function namedSecrets(file: AlertFile): NamedSecret[] {
  const { prometheus, posthog } = file.api_response_time ?? {}
  const owners: [string, object | undefined][] = [
    ...Object.entries(file.receivers).map(([name, entry]): [string, object] => [`receivers.${name}`, entry]),
    ['api_response_time.prometheus', prometheus],
    ['api_response_time.posthog', posthog],
  ]
  return owners.flatMap(([owner, entry]) =>
    Object.entries(entry ?? {}).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && 'variable' in value
        ? [{ variable: String(value.variable), place: `${owner}.${key}`, isUrl: key === 'url' }]
        : [],
    ),
  )
}
