import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'

test('an empty database belongs to an owner who is no superuser', async () => {
  const database = await createDatabase()
  const owner = await database.connect(database.ownerUrl)
  const { rows } = await owner.query(`SELECT rolsuper FROM pg_roles WHERE rolname = current_user`)
  expect(rows).toEqual([{ rolsuper: false }])
  await database.drop()
})
test('casaora', async () => {
  const database = await createDatabase({ from: 'casaora' })
  const owner = await database.connect(database.ownerUrl)
  const { rows } = await owner.query(`SELECT count(*) > 100 as x FROM bookings`)
  expect(rows).toEqual([{ x: true }])
  await database.drop()
})
