import type { Duplex } from 'node:stream'
import { type SeriesSpec, counter, gauge } from '../../protocol/series.ts'
import type { Host } from '../host.ts'
import type { DBusCall } from './dbus-encode.ts'
import type { DBusValue } from './dbus.ts'
import { type DBusConnection, openDBus } from './dbus-call.ts'
import { type EventClass, type EventCounts, eventsTotal, putCounts } from './event-counts.ts'
import { type Outcome, type Sink, type Source, ok } from './source.ts'
import { failure } from './steps.ts'

const STATES = ['activating', 'active', 'deactivating', 'failed', 'inactive'] as const
const unitState = gauge('node_systemd_unit_state', 'Systemd unit', 'name', 'state', 'type')
const running = gauge('node_systemd_system_running', 'Whether the system is operational (see \'systemctl is-system-running\')')
const units = gauge('node_systemd_units', 'Summary of systemd unit states', 'state')
const version = gauge('node_systemd_version', 'Detected systemd version', 'version')
const timerTrigger = gauge('node_systemd_timer_last_trigger_seconds', 'Seconds since epoch of last trigger.', 'name')
const accepted = counter('node_systemd_socket_accepted_connections_total', 'Total number of accepted socket connections', 'name')
const current = gauge('node_systemd_socket_current_connections', 'Current number of socket connections', 'name')
const refused = gauge('node_systemd_socket_refused_connections_total', 'Total number of refused socket connections', 'name')
const unitFailed: EventClass = { kind: 'unit-failed', rule: '', severity: 'warning' }

/** node_exporter's default: these kinds are many and tell nothing that their services do not. */
const EXCLUDED_UNITS = /.+\.(?:automount|device|mount|scope|slice|target)$/

export interface Unit {
  readonly name: string
  readonly loaded: boolean
  readonly state: string
  /** Object path, where the unit's own properties are. */
  readonly path: string
}

/**
 * The reply of `ListUnits`, a(ssssssouso): name, description, load state, active state, sub state, followed unit, object
 * path and the queued job. Throws when it is something else. Source: org.freedesktop.systemd1(5).
 */
export function parseUnits(body: readonly DBusValue[]): readonly Unit[] {
  const [list] = body
  if (!Array.isArray(list)) throw new Error('systemd: ListUnits gave no list')
  return (list as readonly DBusValue[]).map((item) => {
    const [name, , load, state, , , path] = Array.isArray(item) ? (item as readonly DBusValue[]) : []
    if (typeof name !== 'string' || typeof state !== 'string' || typeof path !== 'string') throw new Error('systemd: ListUnits gave a unit without name, state or path')
    return { name, loaded: load === 'loaded', state, path }
  })
}

/** `252.1` and 252.1 from `252.1-1~deb12u1`, as node_exporter cuts it; undefined without a number. */
export function parseVersion(text: string): { readonly text: string; readonly number: number } | undefined {
  const match = /^v?(\d{3,}(?:\.\d+)?)/.exec(text)
  return match?.[1] === undefined ? undefined : { text, number: Number(match[1]) }
}

const MANAGER = { destination: 'org.freedesktop.systemd1', path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' } as const

async function property(bus: DBusConnection, path: string, owner: string, name: string): Promise<DBusValue | undefined> {
  const call: DBusCall = { destination: MANAGER.destination, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', args: [owner, name] }
  const [variant] = await bus.call(call)
  return typeof variant === 'object' && 'value' in variant ? variant.value : undefined
}

/** A property of a unit that may be gone by the time it is asked for, or too new for this systemd. */
async function unitProperty(bus: DBusConnection, unit: Unit, owner: string, name: string): Promise<DBusValue | undefined> {
  try {
    return await property(bus, unit.path, `org.freedesktop.systemd1.${owner}`, name)
  } catch (error) {
    if (error instanceof Error && error.name === 'DBusCallError') return undefined
    throw error
  }
}

/** What is kept about one host between reads. */
interface Kept {
  /** `Type=` of each service: it is asked for once, since a call per service and read would keep PID 1 busy. */
  readonly types: Map<string, string>
  /** Failed at the last read; undefined before the first. */
  failed: ReadonlySet<string> | undefined
  readonly counts: EventCounts
}

const keptByHost = new WeakMap<Host, Kept>()

/** systemd's own socket (root only), else the system bus. The first is there exactly where systemd runs the machine. */
async function connect(host: Host, signal: AbortSignal): Promise<DBusConnection | undefined> {
  const { connectUnix } = host
  if (connectUnix === undefined) return undefined
  if (!(await host.exists('/run/systemd/system'))) return undefined
  try {
    return await openDBus(connectUnix('/run/systemd/private'), signal)
  } catch (own) {
    // Not root, as a rule: the bus shows the same objects to everybody.
    try {
      return await openBus(connectUnix('/run/dbus/system_bus_socket'), signal)
    } catch (bus) {
      throw new Error('systemd: neither its own socket nor the system bus answers', { cause: new AggregateError([own, bus]) })
    }
  }
}

async function openBus(socket: Duplex, signal: AbortSignal): Promise<DBusConnection> {
  const bus = await openDBus(socket, signal)
  await bus.call({ destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus', member: 'Hello', args: [] })
  return bus
}

async function typeOf(bus: DBusConnection, kept: Kept, unit: Unit): Promise<string> {
  if (!unit.name.endsWith('.service')) return ''
  const known = kept.types.get(unit.name)
  if (known !== undefined) return known
  const type = await unitProperty(bus, unit, 'Service', 'Type')
  if (typeof type !== 'string') return ''
  kept.types.set(unit.name, type)
  return type
}

async function putUnit(bus: DBusConnection, kept: Kept, out: Sink, unit: Unit): Promise<void> {
  const type = await typeOf(bus, kept, unit)
  for (const state of STATES) out.sample(out.series(unitState, unit.name, state, type), unit.state === state ? 1 : 0)
  const number = async (spec: SeriesSpec, owner: string, name: string, factor: number): Promise<void> => {
    const value = await unitProperty(bus, unit, owner, name)
    if (typeof value === 'number' || typeof value === 'bigint') out.sample(out.series(spec, unit.name), Number(value) * factor)
  }
  if (unit.name.endsWith('.timer')) await number(timerTrigger, 'Timer', 'LastTriggerUSec', 1e-6)
  if (unit.name.endsWith('.socket')) {
    await number(accepted, 'Socket', 'NAccepted', 1)
    await number(current, 'Socket', 'NConnections', 1)
    // Since systemd 239.
    await number(refused, 'Socket', 'NRefused', 1)
  }
}

/** Tells each unit that failed since the last read. What had failed before the agent came is in the series only. */
function tellFailures(kept: Kept, out: Sink, list: readonly Unit[], now: number): void {
  const failed = new Set(list.filter((unit) => unit.loaded && unit.state === 'failed').map((unit) => unit.name))
  for (const name of kept.failed === undefined ? [] : failed) {
    if (kept.failed?.has(name) === true) continue
    kept.counts.set(unitFailed, (kept.counts.get(unitFailed) ?? 0) + 1)
    out.event({ ...unitFailed, at: now, text: `systemd 单元 ${name} 进入失败状态`, labels: { unit: name } })
  }
  kept.failed = failed
  putCounts(out, kept.counts)
}

async function readFrom(bus: DBusConnection, kept: Kept, host: Host, out: Sink): Promise<void> {
  const [list, state, full] = await Promise.all([
    bus.call({ ...MANAGER, member: 'ListUnits', args: [] }).then(parseUnits),
    property(bus, MANAGER.path, MANAGER.interface, 'SystemState'),
    property(bus, MANAGER.path, MANAGER.interface, 'Version'),
  ])
  out.sample(out.series(running), state === 'running' ? 1 : 0)
  const number = typeof full === 'string' ? parseVersion(full) : undefined
  if (number !== undefined) out.sample(out.series(version, number.text), number.number)
  for (const name of STATES) out.sample(out.series(units, name), list.filter((unit) => unit.state === name).length)
  const shown = list.filter((unit) => unit.loaded && !EXCLUDED_UNITS.test(unit.name))
  await Promise.all(shown.map((unit) => putUnit(bus, kept, out, unit)))
  const there = new Set(shown.map((unit) => unit.name))
  for (const name of kept.types.keys()) if (!there.has(name)) kept.types.delete(name)
  tellFailures(kept, out, list, host.now())
}

async function readAll(host: Host, out: Sink, signal: AbortSignal): Promise<Outcome<void>> {
  const bus = await connect(host, signal)
  if (bus === undefined) return { kind: 'absent', why: 'systemd does not run this machine' }
  let kept = keptByHost.get(host)
  if (kept === undefined) {
    kept = { types: new Map(), failed: undefined, counts: new Map([[unitFailed, 0]]) }
    keptByHost.set(host, kept)
  }
  try {
    await readFrom(bus, kept, host, out)
    return ok
  } finally {
    bus.close()
  }
}

/** Units and their states, asked from systemd over its own socket or the system bus, without a child process. */
export const systemd: Source = {
  name: 'systemd',
  cadence: 'minute',
  timeoutMs: 15_000,
  series: [unitState, running, units, version, timerTrigger, accepted, current, refused, eventsTotal],
  read: (host, out, signal) => readAll(host, out, signal).catch(failure),
}
