// Source maps by lines: a line of a stack trace is all that a reader of an error wants, and the map of each token would
// double the package.
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Keeps the first place of each line. Sources are named by their place in a checkout: `../src/cli.ts`. */
export function mapLines(json) {
  const map = JSON.parse(json)
  const from = [0, 0, 0]
  const written = [0, 0, 0]
  const lines = map.mappings.split(';').map((line) => {
    let kept = ''
    for (const segment of line === '' ? [] : line.split(',')) {
      const [, ...steps] = decode(segment)
      if (steps.length < 3) continue
      for (const at of [0, 1, 2]) from[at] += steps[at]
      if (kept !== '') continue
      // The column of a line's first place is 0 in the generated code, and not worth keeping in the source.
      const place = [from[0], from[1], 0]
      kept = [0, ...place.map((value, at) => value - written[at])].map(encode).join('')
      written.splice(0, 3, ...place)
    }
    return kept
  })
  return JSON.stringify({ version: 3, sources: map.sources, names: [], mappings: lines.join(';') })
}

function decode(segment) {
  const values = []
  let value = 0
  let shift = 0
  for (const digit of segment) {
    const bits = digits.indexOf(digit)
    value |= (bits & 31) << shift
    shift += 5
    if (bits & 32) continue
    values.push(value & 1 ? -(value >> 1) : value >> 1)
    value = 0
    shift = 0
  }
  return values
}

function encode(value) {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  do {
    const bits = rest & 31
    rest >>= 5
    text += digits[rest > 0 ? bits | 32 : bits]
  } while (rest > 0)
  return text
}
