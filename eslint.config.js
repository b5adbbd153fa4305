import tseslint from 'typescript-eslint'
import importX, { createNodeResolver } from 'eslint-plugin-import-x'

/**
 * The layers of src/, lowest first. A folder may import from its own row and
 * from the rows above it in this list, never from the rows below.
 */
const layers = [
  ['errors.ts', 'config.ts', 'groupBy.ts', 'median.ts', 'shellWord.ts', 'shortList.ts', 'wholeFile.ts'],
  ['project'],
  ['postgres'],
  ['syntax'],
  ['catalog'],
  ['fingerprint'],
  ['servers'],
  ['shadow'],
  ['workload'],
  ['indexes'],
  ['metrics'],
  ['history'],
  ['conditions'],
  ['operations'],
  ['policies/read'],
  ['policies/rewrite'],
  ['policies/proof'],
  ['policies/cost'],
  ['policies/access'],
  ['rules'],
  ['advisor'],
  ['partition'],
  ['migrate'],
  ['optimize'],
  ['init'],
  ['export'],
  ['why'],
  ['diagnose'],
  ['operate'],
  ['cache'],
  ['report'],
  ['library'],
  ['bench'],
  ['cli', 'cli.ts', 'index.ts', 'migrationFiles.ts'],
]

const oneWayOnly = layers.slice(0, -1).flatMap((layer, depth) =>
  layer.map((target) => ({
    target: `./src/${target}`,
    from: layers.slice(depth + 1).flatMap((above) => above.map((name) => `./src/${name}`)),
    message: 'Imports point from the upper layers to the lower ones; see ARCHITECTURE.md.',
  })),
)

const readsEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Only src/config.ts reads the environment.',
}
const asksRule = {
  selector: "CallExpression[callee.object.name='rule'][callee.property.name='find']",
  message: 'Only src/rules/find.ts asks rules: it names those that could not see or failed.',
}

/** A name that is no call: `pg_catalog.pg_class`, and not `pg_catalog.pg_get_expr(...)`. */
const systemTable = 'pg_\\w+\\b(?!\\s*[(.])'
const query = `:matches(${[
  "TaggedTemplateExpression[tag.name='sql']",
  "CallExpression[callee.object.name='sql']",
  "CallExpression[callee.property.name='query']",
].join(', ')})`
const holding = (pattern) => `:matches(TemplateElement[value.raw=${pattern}], Literal[value=${pattern}])`
const readsSystemTable = [
  holding(`/pg_catalog\\.${systemTable}/`),
  // Without the schema in queries alone: a remedy may say SELECT ... FROM pg_stat_activity to a person.
  `${query} ${holding(`/\\b(from|join)\\s+(${systemTable}|information_schema\\.)/i`)}`,
].map((selector) => ({
  selector,
  message: 'Only src/catalog/ reads system tables, so that each kind of object has one type and one reader.',
}))
/** What compares or copies whole schemas reads its own, and so do the runner and benchmarks. */
const mayReadSystemTables = [
  'catalog',
  'fingerprint',
  'shadow',
  'partition',
  'migrate',
  'operate',
  'bench',
].map((folder) => `src/${folder}/**/*.ts`)

function restrict(...patterns) {
  return { 'no-restricted-syntax': ['error', ...patterns] }
}

export default tseslint.config(
  { ignores: ['node_modules', 'coverage', '.engines', '.bench', 'dist', 'lib', 'diagnostics-*'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true } },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones: oneWayOnly }],
      'no-console': 'error',
    },
  },
  { files: ['src/**/*.ts'], rules: restrict(readsEnvironment, asksRule, ...readsSystemTable) },
  { files: mayReadSystemTables, rules: restrict(readsEnvironment, asksRule) },
  { files: ['test/**/*.ts'], rules: restrict(asksRule) },
  { files: ['src/config.ts'], rules: restrict(asksRule, ...readsSystemTable) },
  { files: ['src/rules/find.ts'], rules: restrict(readsEnvironment, ...readsSystemTable) },
)
