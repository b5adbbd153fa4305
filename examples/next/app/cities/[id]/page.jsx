import { notFound } from 'next/navigation'
import { findCity } from '../../../data.js'

/** One is built ahead; the others are rendered when they are first asked for. */
export function generateStaticParams() {
  return [{ id: '1' }]
}

export default async function Page({ params }) {
  const { id } = await params
  const city = await findCity(id)
  if (!city) notFound()
  return (
    <ul>
      <li>{city.name}</li>
    </ul>
  )
}
