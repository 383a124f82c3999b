import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRunner } from './host-run.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'run-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const options = { timeoutMs: 10_000, maxBytes: 10_000 }
const sh = (script: string): [string, ...string[]] => ['sh', '-c', script]

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('an exit, with its code and both outputs', async () => {
  expect(await createRunner()(sh('echo out; echo err >&2; exit 3'), options)).toEqual({ kind: 'exited', code: 3, stdout: 'out\n', stderr: 'err\n' })
})

test('the locale is C and the environment is not the agent\'s', async () => {
  const result = await createRunner()(['env'], options)
  expect(result.kind === 'exited' && result.stdout.trim().split('\n').map((line) => line.split('=')[0]).sort()).toEqual(['LANG', 'LC_ALL', 'PATH'])
})

test('a program that is not there', async () => {
  expect(await createRunner()(['zhishou-no-such-program'], options)).toEqual({ kind: 'missing' })
})

test('one that a signal ended has failed', async () => {
  const result = await createRunner()(sh('kill -9 $$'), options)
  expect(result).toMatchObject({ kind: 'failed', error: { message: 'sh was ended by SIGKILL' } })
})

test('too much output ends it', async () => {
  expect(await createRunner()(sh('while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done'), options)).toEqual({ kind: 'overflow' })
})

test('past its time it is hung at once, though it ignores every polite signal, and its whole group is killed', async () => {
  const run = createRunner()
  const begun = Date.now()
  const result = await run(sh(`trap '' TERM INT HUP; echo $$ > ${folder}/parent; sleep 60 & echo $! > ${folder}/child; wait`), { timeoutMs: 300, maxBytes: 100 })
  expect(result).toEqual({ kind: 'hung' })
  // Far below the minute of the sleep; wide because the machine may be busy.
  expect(Date.now() - begun).toBeLessThan(5_000)
  for (const name of ['parent', 'child']) await gone(Number(readFileSync(`${folder}/${name}`, 'utf8')))
})

test('a child that keeps the pipes open after its parent went is hung, not waited for', async () => {
  const result = await createRunner()(sh(`sleep 60 & echo $! > ${folder}/child; exit 0`), { timeoutMs: 300, maxBytes: 100 })
  expect(result).toEqual({ kind: 'hung' })
  await gone(Number(readFileSync(`${folder}/child`, 'utf8')))
})

test('while a hung one has not been reaped the program is not started again; afterwards it is', async () => {
  const run = createRunner()
  const hung = run(sh('sleep 60'), { timeoutMs: 100, maxBytes: 100 })
  const second = hung.then(() => run(sh(`touch ${folder}/started`), options))
  expect(await hung).toEqual({ kind: 'hung' })
  expect(await second).toEqual({ kind: 'hung' })
  let result = await run(sh('echo again'), options)
  while (result.kind === 'hung') {
    await new Promise((resolve) => setTimeout(resolve, 10))
    result = await run(sh('echo again'), options)
  }
  expect(result).toMatchObject({ kind: 'exited', stdout: 'again\n' })
  expect(() => readFileSync(`${folder}/started`)).toThrow('ENOENT')
})
