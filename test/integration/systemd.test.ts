import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localHost } from '../../agent/host-local.ts'
import { openDBus } from '../../agent/sources/dbus-call.ts'
import { systemd } from '../../agent/sources/systemd.ts'
import { recordingSink } from '../memory-host.ts'

/**
 * A real systemd (a user instance in a mount namespace of its own, with our units) and a real dbus-daemon.
 * Where node_exporter is installed it reads the same systemd, and both must say the same.
 */
const SYSTEMD = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((path) => existsSync(path))
const EXPORTER = 'prometheus-node-exporter'
const mayUnshare = spawnSync('unshare', ['-m', 'true']).status === 0
const possible = SYSTEMD !== undefined && mayUnshare
if (!possible) console.log('skipped: needs systemd, and root to give it a namespace')
const hasExporter = spawnSync(EXPORTER, ['--version']).error === undefined
const hasDaemon = spawnSync('dbus-daemon', ['--version']).error === undefined
if (!hasDaemon) console.log('skipped: dbus-daemon is not installed')

const UNITS: Record<string, string> = {
  'zhishou-good.service': '[Service]\nType=exec\nExecStart=/bin/sleep 1000\n',
  'zhishou-bad.service': '[Service]\nExecStart=/bin/false\n',
  'zhishou-late.service': '[Service]\nExecStart=/bin/sh -c "while ! test -e %t/fail-now; do sleep 0.1; done; exit 1"\n',
  'zhishou-daily.timer': '[Timer]\nOnActiveSec=1\nUnit=zhishou-tick.service\n',
  'zhishou-tick.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n',
  'zhishou-door.socket': '[Socket]\nListenStream=%t/door\nAccept=yes\n',
  'zhishou-door@.service': '[Service]\nExecStart=/bin/true\n',
}
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`waited in vain: ${what}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe.skipIf(!possible)('a real systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zs-systemd-'))
  let manager: ChildProcess
  let port = 0
  const host = {
    ...localHost(),
    exists: () => true,
    connectUnix: (path: string) => connect(path === '/run/systemd/private' ? `${folder}/systemd/private` : path),
  }
  const read = async () => {
    const sink = recordingSink()
    expect(await systemd.read(host, sink, signal())).toEqual({ kind: 'ok', value: undefined })
    return sink
  }

  beforeAll(async () => {
    port = await freePort()
    const units = join(folder, 'config/systemd/user')
    mkdirSync(join(units, 'default.target.wants'), { recursive: true })
    const exporter = `${EXPORTER} --web.listen-address=127.0.0.1:${port} --collector.disable-defaults --collector.systemd --collector.systemd.private`
    const all = hasExporter ? { ...UNITS, 'zhishou-exporter.service': `[Service]\nExecStart=/usr/bin/env ${exporter}\n` } : UNITS
    for (const [name, text] of Object.entries(all)) {
      writeFileSync(join(units, name), text)
      if (!/@|tick/.test(name)) symlinkSync(`../${name}`, join(units, 'default.target.wants', name))
    }
    // No process namespace: systemd refuses a peer whose process id it cannot see.
    const script = [
      'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system',
      'ln -s "$XDG_RUNTIME_DIR/systemd/private" /run/systemd/private',
      `exec ${SYSTEMD} --user --log-target=null`,
    ]
    manager = spawn('unshare', ['-m', 'sh', '-ec', script.join('\n')], {
      env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: `${folder}/config`, HOME: folder },
      stdio: 'ignore',
    })
    await until('systemd has started its units', async () => {
      if (!existsSync(`${folder}/systemd/private`)) return false
      const sink = recordingSink()
      // The socket file is there a moment before systemd listens on it.
      if ((await systemd.read(host, sink, signal())).kind !== 'ok') return false
      const { samples } = sink
      const active = samples['node_systemd_unit_state{name="zhishou-good.service",state="active",type="exec"}']
      return active === 1 && (samples['node_systemd_timer_last_trigger_seconds{name="zhishou-daily.timer"}'] ?? 0) > 0
    })
  })
  afterAll(async () => {
    // It stops its units and goes.
    const gone = new Promise((resolve) => manager.once('exit', resolve))
    manager.kill('SIGTERM')
    await gone
    rmSync(folder, { recursive: true, force: true })
  })

  it('shows good and bad units, types and sockets, over its own socket', async () => {
    const { samples } = await read()
    expect(samples).toMatchObject({
      'node_systemd_unit_state{name="zhishou-good.service",state="active",type="exec"}': 1,
      'node_systemd_unit_state{name="zhishou-bad.service",state="failed",type="simple"}': 1,
      'node_systemd_unit_state{name="zhishou-late.service",state="active",type="simple"}': 1,
      'node_systemd_socket_accepted_connections_total{name="zhishou-door.socket"}': 0,
      node_systemd_system_running: 0,
    })
    expect(samples['node_systemd_units{state="failed"}']).toBeGreaterThanOrEqual(1)
  })

  it.skipIf(!hasExporter)('says what node_exporter says of the same systemd', async () => {
    let text = ''
    await until('node_exporter answers', async () => {
      try {
        text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
        return text.includes('node_systemd_units')
      } catch {
        return false
      }
    })
    const { samples } = await read()
    const sorted = (labels: string): string => labels.split(/,(?=\w+=")/).filter((label) => !label.endsWith('=""')).sort().join(',')
    const theirs = [...text.matchAll(/^(node_systemd_\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
      ([, name, labels, value]) => [labels === undefined ? name! : `${name}{${sorted(labels)}}`, Number(value)] as const,
    )
    expect(theirs.length).toBeGreaterThan(20)
    for (const [name, value] of theirs) expect([name, samples[name]]).toEqual([name, expect.closeTo(value, 3)])
  })

  it('tells the unit that fails while we watch', async () => {
    const counted = 'zhishou_events_total{kind="unit-failed",severity="warning"}'
    const before = await read()
    expect(before.events).toEqual([])
    writeFileSync(join(folder, 'fail-now'), '')
    await until('the failure is told', async () => {
      const { events, samples } = await read()
      if (events.length === 0) return false
      expect(events).toMatchObject([{ kind: 'unit-failed', severity: 'warning', labels: { unit: 'zhishou-late.service' } }])
      // A slow machine may have failed another unit of the system's own while it booted.
      expect(samples[counted]).toBe((before.samples[counted] ?? 0) + 1)
      return true
    })
  })
})

describe.skipIf(!hasDaemon)('a real dbus-daemon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zs-dbus-'))
  let daemon: ChildProcess
  beforeAll(async () => {
    daemon = spawn('dbus-daemon', ['--session', '--nofork', '--nosyslog', `--address=unix:path=${folder}/bus`], { stdio: 'ignore' })
    await until('dbus-daemon listens', () => existsSync(`${folder}/bus`))
  })
  afterAll(() => {
    daemon.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  it('accepts our greeting, our calls, and answers with errors we can name', async () => {
    const bus = await openDBus(connect(`${folder}/bus`), signal())
    const driver = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus', args: [] }
    expect(await bus.call({ ...driver, member: 'Hello' })).toEqual([expect.stringMatching(/^:1\.\d+$/)])
    expect(await bus.call({ ...driver, member: 'ListNames' })).toEqual([expect.arrayContaining(['org.freedesktop.DBus'])])
    await expect(bus.call({ ...driver, member: 'Nonsense' })).rejects.toThrow(/UnknownMethod/)
    bus.close()
  })
})
