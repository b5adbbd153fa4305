import { listProfessionals } from '../data.js'

export default async function Page() {
  const professionals = await listProfessionals()
  return (
    <ul>
      {professionals.map(({ id, name }) => (
        <li key={id}>{name}</li>
      ))}
    </ul>
  )
}
