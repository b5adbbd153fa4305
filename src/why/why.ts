import type { ClientBase } from 'pg'
import { readOnce } from '../catalog/reader.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { Answer, Symptom } from './symptom.ts'
import { connectionSymptoms } from './symptoms/connections.ts'
import { lockSymptoms } from './symptoms/locks.ts'
import { rowSymptoms } from './symptoms/rows.ts'
import { spaceSymptoms } from './symptoms/space.ts'
import { speedSymptoms } from './symptoms/speed.ts'

/** Every symptom that is recognised. */
export const symptoms: Symptom[] = [
  ...connectionSymptoms,
  ...lockSymptoms,
  ...speedSymptoms,
  ...spaceSymptoms,
  ...rowSymptoms,
]

/** The symptom that a text is about, by the pattern that matches first in the text; undefined for one never seen. */
export function recognise(text: string): Symptom | undefined {
  const found = symptoms.flatMap((symptom) =>
    symptom.patterns.flatMap((pattern) => {
      const at = text.search(pattern)
      return at < 0 ? [] : [{ symptom, at }]
    }),
  )
  // A code alone says less than the words before it.
  return found.sort((one, other) => one.at - other.at)[0]?.symptom
}

/** Looks at the database in a read-only transaction. */
export async function explainSymptom(client: ClientBase, symptom: Symptom, text: string): Promise<Answer> {
  return readOnly(client, () => {
    const db = borrow(client)
    return symptom.look({ db, read: readOnce(db), wants: () => true }, text)
  })
}
