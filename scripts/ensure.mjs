/**
 * Installs what a fresh clone lacks, so that `npm run up` and `npm test` each work by themselves. Runs on whatever Node
 * the machine has (20 is enough); everything after it runs on the pinned Node 24 from the registry.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The pinned runtime: Node 24 of this processor's package. */
export function pinnedNode() {
  const path = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  if (!existsSync(path)) throw new Error(`no Node 24 for ${process.platform}-${process.arch}: expected ${path} (supported: linux x64, arm64)`)
  return path
}

/** Heap flag of the collector, as in its systemd unit: what dies young is cleared in small pieces (docs/decisions/store.md). */
export const collectorFlags = ['--max-semi-space-size=4']

/** Its environment, read by glibc before anything runs: one arena, and large areas go back to the system when freed. */
export const collectorEnvironment = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' }

/** Runs `npm ci` when node_modules is not what package-lock.json says. Returns the pinned Node's path. */
export function ensureInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const want = createHash('sha256').update(lock).digest('hex')
  const stamp = join(root, 'node_modules', '.zhishou-installed')
  const have = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''
  // Linked from another checkout (git worktrees): theirs to install, and npm ci would empty it under their feet.
  const linked = lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (have !== want && !linked) {
    console.log('installing packages (npm ci) …')
    const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' })
    if (run.status !== 0) throw new Error(`npm ci failed with exit code ${run.status}`)
    writeFileSync(stamp, want)
  }
  const node = pinnedNode()
  // Two packages bring a `node` (24 for everything, 16 for the agent's bundle tests) and npm links whichever it likes.
  const link = join(root, 'node_modules', '.bin', 'node')
  if (!existsSync(link) || realpathSync(link) !== realpathSync(node)) {
    rmSync(link, { force: true })
    symlinkSync(join('..', `node-linux-${process.arch}`, 'bin', 'node'), link)
  }
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  if (!version.startsWith('v24.')) throw new Error(`${node} is ${version}, expected v24`)
  return node
}

/** Names of every file under `folders`, hashed with their content: tells whether a build is of these sources. */
export function sourceHash(folders) {
  const list = execFileSync('find', [...folders, '-type', 'f', '-not', '-path', '*/node_modules/*'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean).sort()
  const hash = createHash('sha256')
  for (const file of list) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Without what a test runner sets: a build started under one must be the same build, and must end. */
function buildEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_ENV' && name !== 'NODE_OPTIONS' && !name.startsWith('VITEST')))
}

/** Bundles the agent into dist/agent.cjs when its sources changed since the last build. */
export function ensureAgent(node) {
  const want = sourceHash(['agent', 'protocol', 'package-lock.json', 'scripts/build-agent.mjs'])
  const stamp = join(root, 'dist', '.agent-sources')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return
  const run = spawnSync(node, [join(root, 'scripts', 'build-agent.mjs')], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (run.status !== 0) throw new Error(`bundling the agent failed with exit code ${run.status}`)
  writeFileSync(stamp, want)
}

/** Builds the console into dist/console when its sources changed since the last build. */
export function ensureConsole(node) {
  const want = sourceHash(['console', 'protocol', 'package-lock.json'])
  const stamp = join(root, 'dist', 'console', '.sources')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return
  console.log('building the console …')
  const run = spawnSync(node, [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', 'console', '--logLevel', 'warn'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: buildEnvironment() })
  if (run.status !== 0) throw new Error(`building the console failed with exit code ${run.status}`)
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, want)
}
