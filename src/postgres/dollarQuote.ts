/** `SELECT 1` -> `$$SELECT 1$$`, with a tag that the text does not contain. */
export function dollarQuote(text: string): string {
  let tag = '$$'
  for (let turn = 1; text.includes(tag); turn += 1) tag = `$body${turn}$`
  return `${tag}${text}${tag}`
}
