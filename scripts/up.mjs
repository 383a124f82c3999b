/** `npm run up`: everything from a fresh clone to a running collector with an agent for this machine. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { collectorEnvironment, collectorFlags, ensureAgent, ensureConsole, ensureInstalled, root } from './ensure.mjs'

try {
  const node = ensureInstalled()
  ensureConsole(node)
  ensureAgent(node)
  const child = spawn(node, [...collectorFlags, join(root, 'cli', 'main.ts'), 'up', ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: { ...process.env, ...collectorEnvironment } })
  // The channel closes when this process dies, however it dies: the child then stops too.
  // The terminal sends Ctrl-C to the whole group; a plain `kill` of this process is passed on. The child decides when to end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
} catch (error) {
  console.error(`up: ${error.message}`)
  process.exit(1)
}
