#!/usr/bin/env node
/** `npx zhishou …`: hands over to the pinned Node 24, which runs the TypeScript sources as they are. */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collectorEnvironment, collectorFlags, pinnedNode } from '../scripts/ensure.mjs'

const main = join(dirname(fileURLToPath(import.meta.url)), 'main.ts')
const collects = process.argv[2] === 'collector' || process.argv[2] === 'up'
const child = spawn(pinnedNode(), [...(collects ? collectorFlags : []), main, ...process.argv.slice(2)], { stdio: 'inherit', env: { ...process.env, ...(collects ? collectorEnvironment : {}) } })
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
process.on('SIGINT', () => {
  // The terminal has sent it to the child too; the child decides when to end.
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
