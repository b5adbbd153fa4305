import { notFound } from 'next/navigation'
import { Suspense } from 'react'
import { findCity } from '../../../data.js'

/** One is built ahead; of the others, the frame is, and the rest comes when they are asked for. */
export function generateStaticParams() {
  return [{ id: '1' }]
}

export default function Page({ params }) {
  return (
    <Suspense fallback={<p>One moment</p>}>
      <City params={params} />
    </Suspense>
  )
}

async function City({ params }) {
  const { id } = await params
  const city = await findCity(id)
  if (!city) notFound()
  return (
    <ul>
      <li>{city.name}</li>
    </ul>
  )
}
