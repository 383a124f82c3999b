/** `npm run up` as a new user meets it: address and password, live data in ten seconds, clean stop, data kept, clear errors. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ensureAgent, ensureConsole, ensureInstalled } from '../../scripts/ensure.mjs'
import { freePort } from '../ports.ts'
import { type FirstRun, type Program, eventually, root, start, workFolder } from './processes.ts'

describe('npm run up', () => {
  let work: ReturnType<typeof workFolder>
  const running: Program[] = []

  // Installation and the first builds are not part of the ten seconds.
  beforeAll(() => {
    const node = ensureInstalled()
    ensureConsole(node)
    ensureAgent(node)
  })
  beforeEach(() => {
    work = workFolder()
  })
  afterEach(async () => {
    for (const program of running.splice(0)) await program.end('SIGKILL')
    work.clean()
  })

  const up = (home: string, http: number, tls: number): Program => {
    const program = start(process.execPath, [join(root, 'scripts', 'up.mjs'), '--home', home, '--http', `127.0.0.1:${http}`, '--tls', `127.0.0.1:${tls}`])
    running.push(program)
    return program
  }
  const query = async (http: number, token: string, expr: string): Promise<{ value: [number, string] }[]> => {
    const response = await fetch(`http://127.0.0.1:${http}/api/v1/query?query=${encodeURIComponent(expr)}`, { headers: { authorization: `Bearer ${token}` } })
    return ((await response.json()) as { data: { result: { value: [number, string] }[] } }).data.result
  }

  it('shows live data within 10 seconds, stops cleanly, and finds its data again', async () => {
    const home = join(work.path, 'data')
    const [http, tls] = [await freePort(), await freePort()]
    const startedAt = Date.now()
    const program = up(home, http, tls)
    const first = await eventually('first-run.json', 15_000, () => (existsSync(join(home, 'first-run.json')) ? (JSON.parse(readFileSync(join(home, 'first-run.json'), 'utf8')) as FirstRun) : undefined))
    expect(statSync(join(home, 'first-run.json')).mode & 0o777).toBe(0o600)
    const memory = await eventually('live data', 15_000, async () => (await query(http, first.readToken, 'node_memory_MemTotal_bytes'))[0])
    expect(Number(memory.value[1])).toBeGreaterThan(1e8)
    expect(Number((await query(http, first.readToken, 'up'))[0]?.value[1])).toBe(1)
    expect(Date.now() - startedAt, 'from the command to live data').toBeLessThan(10_000)
    expect(program.output()).toContain(first.console)
    expect(program.output()).toContain(first.admin.password)
    expect(statSync(home).mode & 0o777).toBe(0o700)

    expect(await program.end('SIGTERM')).toBe(0)
    const stoppedAt = Date.now()
    const again = up(home, http, tls)
    const old = await eventually('old data after a restart', 15_000, async () => {
      if (again.child.exitCode !== null) throw new Error(again.output())
      return (await query(http, first.readToken, `count_over_time(node_memory_MemTotal_bytes[1h] @ ${stoppedAt / 1000})`))[0]
    })
    expect(Number(old.value[1])).toBeGreaterThan(0)
    expect(again.output()).not.toContain(first.admin.password)
    expect(await again.end('SIGTERM')).toBe(0)
  })

  it('names a busy port', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const program = up(join(work.path, 'data'), port, await freePort())
    expect(await program.ended).toBe(1)
    expect(program.output()).toContain(`127.0.0.1:${port} is in use`)
    server.close()
  })

  it('names a folder it cannot write', async () => {
    const file = join(work.path, 'file')
    writeFileSync(file, '')
    const program = up(join(file, 'data'), await freePort(), await freePort())
    expect(await program.ended).toBe(1)
    expect(program.output()).toContain(join(file, 'data'))
    const proc = up('/proc/zhishou', await freePort(), await freePort())
    expect(await proc.ended).toBe(1)
    expect(proc.output()).toContain('/proc/zhishou')
  })

  it('refuses a second instance on the same folder', async () => {
    const home = join(work.path, 'data')
    const [http, tls] = [await freePort(), await freePort()]
    const program = up(home, http, tls)
    await eventually('the first is up', 15_000, async () => (await fetch(`http://127.0.0.1:${http}/healthz`)).ok)
    const second = up(home, await freePort(), await freePort())
    expect(await second.ended).toBe(1)
    expect(second.output()).toContain(home)
    expect(second.output()).toMatch(/another|另一个/)
    expect(await program.end('SIGTERM')).toBe(0)
  })

  it('answers wrong use with exit code 2', async () => {
    const program = start(process.execPath, [join(root, 'scripts', 'up.mjs'), '--colour', 'red'])
    running.push(program)
    expect(await program.ended).toBe(2)
  })
})
