import { everyTag } from '../catalog/cacheChannel.ts'

/** The tags in an announcement: a list in JSON. Anything else, such as `more`, stands for tags that had no room. */
export function announcedTags(text: string): string[] {
  try {
    const tags: unknown = JSON.parse(text)
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags
  } catch {
    // No list.
  }
  return [everyTag]
}
