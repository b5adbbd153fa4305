import type { Evaluated } from './columnSamples.ts'

/** PostgreSQL keeps ten times as many words as values. */
const mostWords = 1000

/**
 * How often words occur, from samples of texts, as ANALYZE keeps it: the words in its order, their shares of the rows
 * with a text, and the least and the greatest share.
 */
export function lexemeStatistics(
  samples: readonly Evaluated<{ words: string[] | null }>[],
  { distinct, commonFrequencies }: { distinct: number; commonFrequencies: number[] | null },
): { words: string[]; frequencies: number[] } {
  const texts = samples.filter(({ words }) => words !== null)
  const total = texts.reduce((sum, { weight }) => sum + weight, 0)
  const assumed = texts.reduce((sum, { weight, isCounted }) => sum + (isCounted ? 0 : weight), 0)
  const others = Math.max(1, distinct - (commonFrequencies?.length ?? 0))
  /** Of one value of the column that is none of the common ones. */
  const single = assumed / total / others
  const found = new Map<string, { share: number; hits: number }>()
  for (const { words, weight, isCounted } of texts) {
    for (const word of words ?? []) {
      const known = found.get(word) ?? { share: 0, hits: 0 }
      found.set(word, { share: known.share + weight / total, hits: known.hits + (isCounted ? 2 : 1) })
    }
  }
  const shares = Array.from(found, ([word, { share, hits }]): [string, number] => [
    word,
    // A word of one sample may be in that value alone.
    hits === 1 ? single : share,
  ])
  const kept = shares
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, mostWords)
    .map(([word, share]) => ({ word, share, bytes: Buffer.from(word) }))
    // As PostgreSQL searches them.
    .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  const all = kept.map(({ share }) => share)
  // PostgreSQL takes half of the least share for a word that it does not know.
  const least = single > 0 ? 2 * single : Math.min(...all)
  return {
    words: kept.map(({ word }) => word),
    frequencies: [...all, least, Math.max(...all)],
  }
}
