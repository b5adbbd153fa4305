import type { Highs } from 'highs'

/** The solver, loaded when it is first needed: it is a program of four megabytes. */
export async function loadSolver(): Promise<Highs> {
  const { default: load } = await import('highs')
  // Its types say that it is an ES module, where it is a CommonJS one.
  return (load as unknown as () => Promise<Highs>)()
}
