/** The built bundle on the oldest and the newest runtime: real processes, a fake collector on a real TLS socket. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { agentFlags as flags } from '../../cli/up.ts'
import type { EnrolRequest } from '../../protocol/messages.ts'
import { type FakeCollector, startFakeCollector, type TestCa, testCa, until } from '../fake-collector.ts'
import { freePort } from '../ports.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'agent-bundle-'))
const bundle = join(folder, 'agent.cjs')
const runtimes = [
  ['16.20.2', join(root, 'node_modules', 'node16', 'bin', 'node')],
  ['24', process.execPath],
] as const

let ca: TestCa
const children: ChildProcess[] = []
const fakes: FakeCollector[] = []

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build-agent.mjs'), '--outfile', bundle], { encoding: 'utf8' })
  expect(built.stderr).toBe('')
  expect(built.status).toBe(0)
  ca = await testCa()
})
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  for (const fake of fakes.splice(0)) await fake.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Agent {
  readonly child: ChildProcess
  output(): string
  end(signal: NodeJS.Signals): Promise<{ code: number | null; tookMs: number }>
}

function start(node: string, args: readonly string[]): Agent {
  const child = spawn(node, [...flags, bundle, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '' } })
  children.push(child)
  let text = ''
  child.stdout!.on('data', (part: Buffer) => (text += part.toString()))
  child.stderr!.on('data', (part: Buffer) => (text += part.toString()))
  return {
    child,
    output: () => text,
    end: (signal) =>
      new Promise((resolve) => {
        const from = performance.now()
        child.once('exit', (code) => resolve({ code, tookMs: performance.now() - from }))
        child.kill(signal)
      }),
  }
}

function runToEnd(node: string, args: readonly string[]) {
  return spawnSync(node, [...flags, bundle, ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } })
}

async function collector(options: { port?: number } = {}): Promise<FakeCollector> {
  const fake = await startFakeCollector({ ca, ...options })
  fake.enrol = async (body) => {
    const { host, publicKey } = body as EnrolRequest
    return { status: 200, body: { instance: host, certificate: await ca.client(host, publicKey), pins: [ca.pem] } }
  }
  fakes.push(fake)
  return fake
}

/** Enrols the way an operator does; asynchronous, because the fake collector answers from this very process. */
async function enrolled(node: string, home: string, fake: FakeCollector): Promise<void> {
  const token = `zs1.${Buffer.from(JSON.stringify({ u: fake.url, f: ca.fingerprint, s: 's', h: 'host-a', e: Date.now() + 60_000 })).toString('base64url')}`
  const agent = start(node, ['enrol', '--home', home, '--token', token])
  await new Promise((resolve) => agent.child.once('exit', resolve))
  expect(agent.output()).toContain('已登记为 host-a')
  expect(agent.child.exitCode).toBe(0)
}

describe.each(runtimes)('the agent bundle on Node %s', (version, node) => {
  it('once: prints the readings as Prometheus text', () => {
    const { stdout, status } = runToEnd(node, ['once', '--home', folder])
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    const bad = lines.filter((line) => !/^# (HELP|TYPE) [a-zA-Z_:][\w:]* .+|^[a-zA-Z_:][\w:]*(\{.*\})? (NaN|[+-]Inf|-?[\d.]+(e[+-]?\d+)?)$/.test(line))
    expect(bad).toEqual([])
    for (const name of ['node_cpu_seconds_total', 'node_memory_MemAvailable_bytes', 'node_load1', 'node_uname_info', 'node_boot_time_seconds']) {
      expect(stdout).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge)$`, 'm'))
      expect(stdout).toMatch(new RegExp(`^${name}[{ ]`, 'm'))
    }
  })

  it('enrol, run, stop, kill: delivers, says goodbye, and goes on where it was', async () => {
    const home = join(folder, `home-${version}`)
    const fake = await collector()
    await enrolled(node, home, fake)
    writeFileSync(join(home, 'agent.yml'), 'interval: 1s\n')

    const first = start(node, ['run', '--home', home])
    await until('a batch', () => fake.arrivals.length >= 2, 20_000)
    expect(fake.hellos[0]).toMatchObject({ version: 1, agent: { pid: first.child.pid }, intervalMs: 1000 })
    expect(fake.hellos[0]!.agent.node.startsWith(`v${version}`)).toBe(true)
    const names = [...fake.arrivals[0]!.samples.keys()]
    for (const name of ['node_load1@', 'node_memory_MemTotal_bytes@', 'zhishou_agent_spool_bytes@']) expect(names.some((key) => key.startsWith(name))).toBe(true)
    expect(fake.faults).toEqual([])

    const second = runToEnd(node, ['run', '--home', home])
    expect(second.status).toBe(1)
    expect(second.stderr).toContain(`process ${first.child.pid} is already running`)

    const { code, tookMs } = await first.end('SIGTERM')
    expect(first.output()).toContain('"message":"agent: stopped"')
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(3_000)
    expect(fake.byes).toEqual(['restart 60000'])
    expect(existsSync(join(home, 'agent.lock'))).toBe(false)
    const highest = Math.max(...fake.arrivals.map((arrival) => arrival.seq))

    // Killed while nothing is acknowledged; everything comes again, the newest of the new run first.
    fake.autoAck = false
    const third = start(node, ['run', '--home', home])
    await until('more batches', () => fake.arrivals.filter((arrival) => arrival.seq > highest).length >= 3, 20_000)
    await third.end('SIGKILL')
    const unacknowledged = new Set(fake.arrivals.map((arrival) => arrival.seq).filter((seq) => !fake.accepted.has(seq)))
    const before = fake.arrivals.length
    fake.autoAck = true
    const fourth = start(node, ['run', '--home', home])
    await until('all again', () => [...unacknowledged].every((seq) => fake.accepted.has(seq)), 20_000)
    const again = fake.arrivals.slice(before)
    expect(again[0]).toMatchObject({ late: false })
    expect(unacknowledged.has(again[0]!.seq)).toBe(false)
    expect(again.filter((arrival) => unacknowledged.has(arrival.seq)).every((arrival) => arrival.late)).toBe(true)
    for (const arrival of again) {
      const original = fake.arrivals.slice(0, before).find((one) => one.seq === arrival.seq)
      if (original !== undefined) expect([...arrival.samples].filter(([, value]) => value !== 'stale').sort()).toEqual([...original.samples].filter(([, value]) => value !== 'stale').sort())
    }
    expect(fake.faults).toEqual([])
    expect((await fourth.end('SIGINT')).code).toBe(0)
  })

  it('serves its own /metrics on loopback when asked to', async () => {
    const home = join(folder, `metrics-${version}`)
    const fake = await collector()
    await enrolled(node, home, fake)
    const port = await freePort()
    writeFileSync(join(home, 'agent.yml'), `metrics: { listen: '127.0.0.1:${port}' }\n`)
    const agent = start(node, ['run', '--home', home])
    await until('a batch is acknowledged', () => fake.accepted.size > 0, 20_000)
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(text).toMatch(/^zhishou_agent_link_live 1$/m)
    expect(text).toMatch(/^zhishou_agent_link_batches_total\{kind="live"\} [1-9]/m)
    expect(text).toMatch(/^process_cpu_seconds_total /m)
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    expect((await agent.end('SIGTERM')).code).toBe(0)
  })

  it('has exit codes and messages that scripts and people can use', () => {
    const home = mkdtempSync(join(folder, 'config-'))
    writeFileSync(join(home, 'agent.yml'), 'intervall: 5s\nlog: 3\n')
    const check = runToEnd(node, ['check-config', '--home', home])
    expect(check.status).toBe(1)
    expect(check.stderr).toContain('agent.yml: intervall: unknown key, did you mean interval?')
    expect(check.stderr).toContain('agent.yml: log: ')
    expect(runToEnd(node, ['check-config', join(home, 'none.yml')]).stderr).toContain('cannot be read')
    expect(runToEnd(node, ['check-config', '--home', join(home, 'empty')]).status).toBe(0)
    expect(runToEnd(node, ['run', '--home', join(home, 'empty')])).toMatchObject({ status: 1, stderr: expect.stringContaining('本机尚未登记') })
    expect(runToEnd(node, ['bogus']).status).toBe(2)
    expect(runToEnd(node, ['run', '--hom', 'x']).status).toBe(2)
    expect(runToEnd(node, ['enrol', '--home', home, '--token', 'x']).stderr).toContain('agent.yml')
    const { stdout, status } = runToEnd(node, ['identity'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ os: { architecture: expect.any(String) }, cpu: { cores: expect.any(Number) } })
  })
})

describe('the agent’s systemd unit', () => {
  const unit = readFileSync(join(root, 'deploy', 'systemd', 'zhishou-agent.service'), 'utf8')

  it('starts the agent with the flags the tests and `up` use', () => {
    expect(unit).toContain(`node ${flags.join(' ')} /opt/zhishou-agent/agent.cjs run`)
  })

  it('has no directive that systemd 219 does not know (PARTS §1)', () => {
    const known = `Description Wants After ConditionPathExists Type User Group Environment UMask ExecStartPre ExecStart Restart RestartSec StartLimitInterval
      TimeoutStopSec KillSignal MemoryLimit CPUShares CPUQuota Nice OOMScoreAdjust LimitNOFILE NoNewPrivileges CapabilityBoundingSet
      RestrictAddressFamilies SystemCallArchitectures WantedBy`.split(/\s+/)
    const used = [...unit.matchAll(/^([A-Z]\w+)=/gm)].map(([, name]) => name)
    expect(used.filter((name) => !known.includes(name!))).toEqual([])
  })

  it('leaves the agent the machine’s own view of its file systems, which it reports', () => {
    const dropIn = readFileSync(join(root, 'deploy', 'systemd', 'zhishou-agent.service.d', 'hardening.conf'), 'utf8')
    expect(unit + dropIn).not.toMatch(/^(Private(Tmp|Devices)|Protect(System|Home|Kernel\w+|ControlGroups)|Read(Only|Write)(Directories|Paths)|Inaccessible\w+|BindPaths|TemporaryFileSystem)=/m)
  })
})
