/** `npm run bench -- NAME [arguments]`: runs bench/NAME.ts on the pinned Node; its last line is one JSON object. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, root } from './ensure.mjs'
import { ensureParts } from './parts.mjs'

const [name, ...rest] = process.argv.slice(2)
const file = join(root, 'bench', `${name}.ts`)
if (name === undefined || !existsSync(file)) {
  console.error(`usage: npm run bench -- NAME, one of: ${readdirSync(join(root, 'bench')).filter((one) => one.endsWith('.ts')).map((one) => one.slice(0, -3)).join(' ')}`)
  process.exit(2)
}
const node = ensureInstalled()
ensureParts()
const build = spawnSync(node, [join(root, 'scripts', 'build-agent.mjs')], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
if (build.status !== 0) process.exit(1)
process.exit(spawnSync(node, [file, ...rest], { cwd: root, stdio: 'inherit' }).status ?? 1)
