import { timingSafeEqual } from 'node:crypto'
import { everyTag } from '../../catalog/cacheChannel.ts'
import { nextTag } from './nextTag.ts'

interface RouteSettings {
  /** `revalidateTag` of `next/cache`. */
  revalidateTag: (tag: string, profile: string | { expire?: number }) => void
  /** For announcements that name no tags: `() => revalidatePath('/', 'layout')`. */
  revalidateAll: () => void
  /** What callers have to know. */
  token: string
  /** How long Next may show old values while it computes new ones: not at all, or `'max'` for as long as that takes. */
  profile?: string | { expire?: number }
}

/**
 * A route handler that revalidates the tags it is sent, for applications that keep Next's own cache.
 *
 * ```js
 * // app/api/revalidate/route.js
 * export const POST = revalidateRoute({ revalidateTag, revalidateAll: () => revalidatePath('/', 'layout'), token })
 * ```
 */
export function revalidateRoute(settings: RouteSettings): (request: Request) => Promise<Response> {
  const { revalidateTag, revalidateAll, token, profile = { expire: 0 } } = settings
  return async (request) => {
    if (token === '') return refuse(503, 'The application has set no token.')
    if (!isSame(request.headers.get('authorization') ?? '', `Bearer ${token}`))
      return refuse(401, 'The token is missing or wrong.')
    const tags = await tagsIn(request)
    if (!tags) return refuse(400, 'The body is no list of tags: {"tags": ["cities"]}.')
    if (tags.includes(everyTag)) revalidateAll()
    else for (const tag of new Set(tags.flatMap((each) => [each, nextTag(each)]))) revalidateTag(tag, profile)
    return Response.json({ revalidated: tags.length })
  }
}

async function tagsIn(request: Request): Promise<string[] | undefined> {
  try {
    const { tags } = (await request.json()) as { tags?: unknown }
    return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined
  } catch {
    return undefined
  }
}

function refuse(status: number, error: string): Response {
  return Response.json({ error }, { status })
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)]
  return first.length === second.length && timingSafeEqual(first, second)
}
