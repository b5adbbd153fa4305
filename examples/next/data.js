import { cacheTag, unstable_cache } from 'next/cache'
import { database } from './database.js'

/** By `unstable_cache`. The tag is the one that the table's triggers announce. */
export const listProfessionals = unstable_cache(
  async () => {
    const { rows } = await database.query('SELECT id, name FROM professionals ORDER BY id')
    return rows
  },
  ['professionals'],
  { revalidate: 3600, tags: ['professionals'] },
)

/** The same by `'use cache'`. */
export async function listCities() {
  'use cache'
  cacheTag('cities')
  const { rows } = await database.query('SELECT id, name FROM cities ORDER BY id')
  return rows
}

/** One city has a tag of its own: a change of others leaves it in the cache. */
export async function findCity(id) {
  'use cache'
  cacheTag(`city:${id}`)
  const { rows } = await database.query('SELECT name FROM cities WHERE id::text = $1', [id])
  return rows[0]
}
