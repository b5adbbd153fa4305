// A hook of Node's module loader, which runs in a thread of its own. Wherever a migration file lies, its `hundredfold` is
// the running program. Its node-pg-migrate, for types and constants, is ours if the project has none.
let library

export function initialize(data) {
  library = data.library
}

export async function resolve(specifier, context, nextResolve) {
  if (specifier === 'hundredfold') return { url: library, format: 'module', shortCircuit: true }
  const asOurs = { ...context, parentURL: library }
  if (specifier.startsWith('hundredfold/')) return nextResolve(specifier, asOurs)
  if (specifier !== 'node-pg-migrate') return nextResolve(specifier, context)
  return nextResolve(specifier, context).catch(() => nextResolve(specifier, asOurs))
}
