/** `it's` -> `'it'\''s'`; words without anything that a shell reads stay as they are. */
export function shellWord(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
