import { revalidateRoute } from 'hundredfold/cache/next'
import { revalidatePath, revalidateTag } from 'next/cache'

export const POST = revalidateRoute({
  revalidateTag,
  revalidateAll: () => revalidatePath('/', 'layout'),
  token: process.env.REVALIDATE_TOKEN ?? '',
})
