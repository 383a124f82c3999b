/**
 * Proof 6, the HTTP half (the frames of the link are in link.test.ts): a real collector takes whatever the wire brings to
 * either of its listeners, refuses with a reason where HTTP allows one, counts it, and loses nothing of an agent that
 * works beside it.
 */
import { type ChildProcess, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Program, type RunningCollector, agentAt, collectorAt, eventually, node24, root, workFolder } from '../e2e/processes.ts'
import { scaled, seed } from '../scale.ts'

const work = workFolder()
const bundled = existsSync(join(root, 'dist', 'agent.cjs'))
let collector: RunningCollector
let agent: Program | undefined
let child: ChildProcess

beforeAll(async () => {
  if (!bundled) spawnSync(node24, [join(root, 'scripts', 'build-agent.mjs')], { cwd: root })
  collector = await collectorAt(join(work.path, 'collector'), 'log: warn\n')
  await collector.start()
  child = collector.program().child
  agent = await agentAt(join(work.path, 'agent'), 'good-01', collector, { settings: 'interval: 1s\n' })
  await eventually('the agent is heard', 30_000, async () => (await collector.query('node_load1{instance="good-01"}')).length > 0)
})
afterAll(async () => {
  await agent?.end('SIGTERM')
  await collector.program().end('SIGTERM')
  work.clean()
})

type Door = 'http' | 'tls' | 'behind TLS'
const doors: readonly Door[] = ['http', 'tls', 'behind TLS']

function dial(door: Door): Socket {
  const host = '127.0.0.1'
  return door === 'http' ? connect({ host, port: collector.ports.http }) : door === 'tls' ? connect({ host, port: collector.ports.tls }) : connectTls({ host, port: collector.ports.tls, rejectUnauthorized: false })
}

/** Sends bytes, half closes, and gives what comes back until the end or `waitMs`. */
function exchange(door: Door, bytes: Buffer | string, waitMs = 3_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial(door)
    let text = ''
    const timer = setTimeout(() => socket.destroy(), waitMs)
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.end(bytes)
  })
}

const statusOf = (reply: string): number | undefined => {
  const found = /^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** What has been refused so far, by `what/code`. */
async function refused(): Promise<Map<string, number>> {
  const text = await (await fetch(`${collector.http}/metrics`)).text()
  return new Map([...text.matchAll(/^zhishou_refused_total\{what="([^"]+)",code="([^"]+)"\} (\d+)/gm)].map(([, what, code, count]) => [`${what}/${code}`, Number(count)]))
}

/** How many more of each were refused during `act`. */
async function refusedDuring(act: () => Promise<void>): Promise<Record<string, number>> {
  const before = await refused()
  await act()
  const after = await refused()
  return Object.fromEntries([...after].map(([key, count]): [string, number] => [key, count - (before.get(key) ?? 0)]).filter(([, more]) => more > 0))
}

async function alive(): Promise<void> {
  expect(child.exitCode).toBeNull()
  expect((await fetch(`${collector.http}/healthz`, { signal: AbortSignal.timeout(5_000) })).status).toBe(200)
}

/** Seeded numbers from 0 to 1 (mulberry32). */
function random(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const authorized = (): string => `authorization: Bearer ${collector.first().readToken}\r\n`

describe('bad input', () => {
  it('requests that are none get a reason and are counted', async () => {
    const cases: readonly (readonly [string, number])[] = [
      ['hello\r\n\r\n', 400],
      ['GET / HTTP/9.9\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      ['POST /enrol HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
    ]
    for (const door of ['http', 'behind TLS'] as const) {
      const more = await refusedDuring(async () => {
        for (const [bytes, status] of cases) expect(statusOf(await exchange(door, bytes))).toBe(status)
      })
      expect(more).toEqual({ 'connection/malformed': 3, 'connection/oversized': 1 })
    }
    await alive()
  })

  it('garbage and plain HTTP on the TLS port end there and are counted', async () => {
    const blobs = [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), Buffer.alloc(5_000, 0xff), Buffer.from([0x16, 3, 1, 0xff, 0xff, 1, 0, 0, 0]), Buffer.from('SSH-2.0-scanner\r\n')]
    const more = await refusedDuring(async () => {
      for (const blob of blobs) expect(statusOf(await exchange('tls', blob))).toBeUndefined()
    })
    expect(more['connection/malformed']).toBeGreaterThanOrEqual(3)
    await alive()
  })

  it('bodies that are malformed or too large, and callers who are nobody, are refused by name', async () => {
    const post = (path: string, body: string, headers = ''): string => `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
    const session = '/api/zhishou/v1/session'
    const more = await refusedDuring(async () => {
      expect(statusOf(await exchange('behind TLS', post(session, '{')))).toBe(400)
      expect(statusOf(await exchange('behind TLS', post(session, '{"user":"a","password":"b","role":"system-admin"}')))).toBe(400)
      expect(statusOf(await exchange('behind TLS', post('/enrol', '{"token":"x"}')))).toBe(400)
      expect(statusOf(await exchange('behind TLS', post('/enrol', JSON.stringify({ token: 'zs1.AAAA', host: 'h', publicKey: 'x', proof: 'x' }))))).toBe(400)
      expect(statusOf(await exchange('http', post('/api/v1/query', `query=${'x'.repeat(300_000)}`, `${authorized()}content-type: application/x-www-form-urlencoded\r\n`)))).toBe(413)
      expect(statusOf(await exchange('http', post('/api/v1/query', 'query=up')))).toBe(401)
      expect(statusOf(await exchange('http', 'GET /api/zhishou/v1/overview HTTP/1.1\r\nhost: x\r\nauthorization: Bearer zr_wrong\r\nconnection: close\r\n\r\n'))).toBe(401)
      expect(statusOf(await exchange('http', post('/api/zhishou/v1/agents/tokens', '{"host":"x"}', authorized())))).toBe(403)
    })
    expect(more).toEqual({ 'request/malformed': 2, 'enrol/malformed': 2, 'request/oversized': 1, 'request/unauthenticated': 2, 'request/forbidden': 1 })
    await alive()
  })

  it('deep nesting and questions without end are refused, not died of', async () => {
    const ask = async (query: string): Promise<number> => (await fetch(`${collector.http}/api/v1/query`, { method: 'POST', headers: { authorization: `Bearer ${collector.first().readToken}` }, body: new URLSearchParams({ query }) })).status
    for (const query of [`${'('.repeat(40_000)}1`, `${'-'.repeat(40_000)}1`, `1${'+1'.repeat(40_000)}`, `${'sum('.repeat(20_000)}up${')'.repeat(20_000)}`]) expect(await ask(query)).toBe(400)
    expect([200, 422]).toContain(await ask('max_over_time(up[1y:1ms])'))
    await alive()
  })

  it('senders of half a request, half a handshake and half a header line are let go of in time', async () => {
    const slow: Promise<number>[] = []
    const startedAt = Date.now()
    const more = await refusedDuring(async () => {
      for (const door of doors) {
        for (let one = 0; one < 5; one++) {
          slow.push(
            new Promise((resolve) => {
              const socket = dial(door)
              // Slow loris: one byte of the headers at a time, never the last; on the bare TLS port half a greeting.
              const bytes = door === 'tls' ? Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1]) : Buffer.from('GET / HTTP/1.1\r\nhost: x\r\nx-slow: 1')
              socket.write(bytes.subarray(0, 5))
              let at = 5
              const timer = setInterval(() => at < bytes.length && socket.write(bytes.subarray(at, ++at)), 300)
              socket.on('error', () => undefined)
              socket.on('data', () => undefined)
              socket.on('close', () => {
                clearInterval(timer)
                resolve(Date.now() - startedAt)
              })
            }),
          )
        }
      }
      // Whole headers, and a whole handshake, are due within 10 s.
      for (const took of await Promise.all(slow)) expect(took).toBeLessThan(20_000)
    })
    expect(more).toEqual({ 'connection/slow': 15 })
    await alive()
  })

  it('connections that are reset in the midst of anything leave the process standing', async () => {
    const starts = ['GET /link HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n', 'GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n', 'POST /enrol HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"tok', `GET /api/zhishou/v1/stream HTTP/1.1\r\nhost: x\r\n${authorized()}\r\n`, 'GET / HTTP/1.1\r\n']
    for (let turn = 0; turn < scaled(60, 600); turn++) {
      const door = doors[turn % doors.length]!
      await new Promise<void>((resolve) => {
        const raw = connect({ host: '127.0.0.1', port: door === 'http' ? collector.ports.http : collector.ports.tls })
        raw.on('error', () => undefined)
        raw.on('close', () => resolve())
        const socket = door === 'behind TLS' ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw
        socket.on('error', () => undefined)
        socket.once(door === 'behind TLS' ? 'secureConnect' : 'connect', () => {
          socket.write(starts[turn % starts.length]!)
          setTimeout(() => raw.resetAndDestroy(), turn % 7)
        })
      })
    }
    await alive()
  })

  it(`random bytes on every listener (seed ${seed}), and the agent beside them loses nothing`, async () => {
    const next = random(seed)
    const from = Date.now()
    const count = scaled(1_000, 20_000)
    const paths = ['/', '/enrol', '/link', '/api/v1/query', '/api/zhishou/v1/session', '/%ff', '/assets/..%2f']
    const blob = (): Buffer => {
      const noise = Buffer.from(Array.from({ length: 1 + Math.floor(next() ** 3 * 4_000) }, () => Math.floor(next() * 256)))
      const path = paths[Math.floor(next() * paths.length)]!
      switch (Math.floor(next() * 5)) {
        case 0:
          return Buffer.concat([Buffer.from(`GET ${path}?`), noise, Buffer.from(' HTTP/1.1\r\nhost: x\r\n\r\n')])
        case 1:
          return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${noise.length}\r\n\r\n`), noise])
        case 2:
          return Buffer.concat([Buffer.from([0x16, 3, 1, noise.length >> 8, noise.length & 255]), noise])
        default:
          return noise
      }
    }
    const statuses = new Map<number | undefined, number>()
    for (let sent = 0; sent < count; sent += 20) {
      const replies = await Promise.all(Array.from({ length: 20 }, (_, one) => exchange(doors[(sent + one) % doors.length]!, blob(), 700)))
      for (const reply of replies) statuses.set(statusOf(reply), (statuses.get(statusOf(reply)) ?? 0) + 1)
    }
    expect([...statuses.keys()].filter((status) => status !== undefined && status >= 500 && status !== 503)).toEqual([])
    expect(statuses.get(400) ?? 0).toBeGreaterThan(count / 20)
    await alive()

    // Every second of the storm has its sample: none lost, none twice.
    await delay(3_000)
    const until = Date.now() - 2_000
    const seconds = Math.floor((until - from) / 1_000)
    const [one] = await collector.query(`count_over_time(node_load1{instance="good-01"}[${seconds}s])`, until)
    expect(one!.value).toBeGreaterThanOrEqual(seconds - 1)
    expect(one!.value).toBeLessThanOrEqual(seconds + 1)
    const dropped = await collector.query('sum(zhishou_agent_spool_dropped_total{instance="good-01"})')
    expect(dropped.map((sample) => sample.value)).toEqual([0])
    expect(collector.program().output()).not.toMatch(/"level":"error"|uncaught|unhandled/i)
  })
})

describe('collector run with a broken collector.yml', () => {
  it('ends with 1 and lists every mistake, and leaves the folder to the next', async () => {
    const home = join(work.path, 'broken')
    mkdirSync(home)
    const broken = 'htpp: 127.0.0.1:1\ntls: nowhere\nstore: { retention: long }\nnotify: { channels: { mail: { kind: email, host: a, from: a@example.org, password: hunter2-hunter2 } } }\n'
    writeFileSync(join(home, 'collector.yml'), broken)
    const run = spawnSync(node24, [join(root, 'cli', 'main.ts'), 'collector', 'run', '--home', home], { encoding: 'utf8', timeout: 30_000 })
    expect(run.status).toBe(1)
    for (const mistake of ['collector.yml: htpp: unknown key, did you mean http?', 'collector.yml: tls: expected HOST:PORT, got "nowhere"', 'collector.yml: store.retention: expected a duration with a unit such as 15s, 5m, 24h, got "long"', 'collector.yml: notify.channels.mail.password: unknown key']) expect(run.stderr).toContain(mistake)
    expect(run.stdout + run.stderr).not.toContain('hunter2')
    const check = spawnSync(node24, [join(root, 'cli', 'main.ts'), 'collector', 'check-config', '--home', home], { encoding: 'utf8', timeout: 30_000 })
    // What is only worth a look comes after the mistakes, and begins so.
    expect([check.status, check.stdout.trim().split('\n').filter((line) => !line.startsWith('warning: ')).length]).toEqual([1, 4])
    writeFileSync(join(home, 'collector.yml'), '')
    expect(spawnSync(node24, [join(root, 'cli', 'main.ts'), 'collector', 'check-config', '--home', home], { encoding: 'utf8', timeout: 30_000 }).status).toBe(0)
  })
})
