/** The first answer that is not undefined; `ask` is not called for the items after it. */
export function firstOf<Item, Answer>(
  items: Iterable<Item>,
  ask: (item: Item) => Answer | undefined,
): Answer | undefined {
  for (const item of items) {
    const answer = ask(item)
    if (answer !== undefined) return answer
  }
  return undefined
}
