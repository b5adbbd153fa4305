/**
 * The tag as Next.js takes it. Next puts the tags of a page into one header, separated by commas, and encodes what no header
 * may hold. Where a tag may have a comma or a percent sign, give it to Next in this form.
 *
 * `city:Zürich, Altstadt` -> `city:Z%C3%BCrich%2C Altstadt`
 */
export function nextTag(tag: string): string {
  // Half a surrogate pair, which PostgreSQL has in no text, cannot be encoded.
  const text = tag.replaceAll(/\p{Surrogate}/gu, '\uFFFD')
  return text.replaceAll(/[^\t\x20-\x7e]+|[%,]/g, encodeURIComponent)
}

/** What the database may call the tags that Next has: as they are, and decoded. */
export function announcedNames(tags: readonly string[]): string[] {
  return [...new Set(tags.flatMap((tag) => [tag, decoded(tag)]))]
}

function decoded(tag: string): string {
  try {
    return decodeURIComponent(tag)
  } catch {
    return tag
  }
}
