import { listCities } from '../../data.js'

export default async function Page() {
  const cities = await listCities()
  return (
    <ul>
      {cities.map(({ id, name }) => (
        <li key={id}>{name}</li>
      ))}
    </ul>
  )
}
