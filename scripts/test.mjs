/**
 * `npm test`: packages and parts, type check, lint, then every suite; `--full` runs every count that the issues name.
 * Closes with `N passed, N failed`. Other arguments go to vitest.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureConsole, ensureInstalled, root } from './ensure.mjs'
import { missingParts } from './parts.mjs'

const started = Date.now()
const full = process.argv.includes('--full')
const rest = process.argv.slice(2).filter((argument) => argument !== '--full')
let passed = 0
let failed = 0

function step(name, command, args, env) {
  const at = Date.now()
  const run = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } })
  const good = run.status === 0
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - at) / 1000).toFixed(1)} s)`)
  return good
}

function count(good) {
  if (good) passed++
  else failed++
}

// Downloads and unpacks while packages are installed and the sources checked.
const parts = spawn(process.execPath, [join(root, 'scripts', 'parts.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] })
const partsHere = new Promise((resolve) => parts.once('exit', resolve))
const node = ensureInstalled()
const bin = join(root, 'node_modules', '.bin')
const env = { PATH: `${dirname(node)}:${bin}:${process.env.PATH}`, ZHISHOU_TEST: full ? 'full' : 'sample' }
ensureConsole(node)
count(step('type check', join(bin, 'tsc'), ['-p', 'tsconfig.json'], env))
count(step('type check, console', join(bin, 'tsc'), ['-p', 'console/tsconfig.json'], env))
count(step('lint', join(bin, 'oxlint'), ['--type-aware', '--quiet'], env))
count(step('agent bundle', node, [join(root, 'scripts', 'build-agent.mjs')], env))

await partsHere
const missing = missingParts()
if (missing.length > 0) console.log(`missing parts, their suites are skipped: ${missing.join(' ')}`)

const folder = mkdtempSync(join(tmpdir(), 'zhishou-test-'))
const report = join(folder, 'report.json')
step('tests', node, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest], env)
let skipped = 0
try {
  const result = JSON.parse(readFileSync(report, 'utf8'))
  passed += result.numPassedTests
  failed += result.numFailedTests + (result.testResults ?? []).filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  skipped = result.numPendingTests + result.numTodoTests
  for (const file of result.testResults ?? []) for (const one of file.assertionResults) if (one.status === 'pending' || one.status === 'skipped') console.log(`skipped: ${one.fullName}`)
  if (result.success === false && failed === 0) failed++
} catch (error) {
  console.log(`no test report: ${error.message}`)
  failed++
}
rmSync(folder, { recursive: true, force: true })
console.log(`${((Date.now() - started) / 1000).toFixed(0)} s in all`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
