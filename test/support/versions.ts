/** Every version that we support, and the engine that tests on it need; 18 comes with npm. */
export const versions = [
  { version: 14, engine: 'postgres14' },
  { version: 15, engine: 'postgres15' },
  { version: 16, engine: 'postgres16' },
  { version: 17, engine: 'postgres17' },
  { version: 18, engine: undefined },
] as const
