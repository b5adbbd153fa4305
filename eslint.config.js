import tseslint from 'typescript-eslint'
import importX, { createNodeResolver } from 'eslint-plugin-import-x'

/**
 * The layers of src/, lowest first. A folder may import from its own row and
 * from the rows above it in this list, never from the rows below.
 */
const layers = [
  ['errors.ts', 'config.ts', 'shortList.ts', 'wholeFile.ts'],
  ['postgres'],
  ['syntax'],
  ['catalog'],
  ['fingerprint'],
  ['servers'],
  ['shadow'],
  ['workload'],
  ['indexes'],
  ['metrics'],
  ['conditions'],
  ['operations'],
  ['policies/read'],
  ['policies/rewrite'],
  ['policies/proof'],
  ['policies/cost'],
  ['rules'],
  ['advisor'],
  ['migrate'],
  ['optimize'],
  ['diagnose'],
  ['report'],
  ['bench'],
  ['cli', 'cli.ts', 'index.ts'],
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

function restrict(...patterns) {
  return { 'no-restricted-syntax': ['error', ...patterns] }
}

export default tseslint.config(
  { ignores: ['node_modules', 'coverage', '.engines', '.bench', 'dist', 'diagnostics-*'] },
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
  { files: ['src/**/*.ts'], rules: restrict(readsEnvironment, asksRule) },
  { files: ['test/**/*.ts'], rules: restrict(asksRule) },
  { files: ['src/config.ts'], rules: restrict(asksRule) },
  { files: ['src/rules/find.ts'], rules: restrict(readsEnvironment) },
)
