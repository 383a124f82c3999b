/**
 * Hosts of which a bench or test says each value and when: they hold their links, as a child so that their CPU and their
 * event loop are not those of whoever measures. Told by IPC what to do; see PushOrder.
 *
 *   fork(push-fleet.ts, [JOB_FILE])      JOB_FILE: a PushJob as JSON
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { decode, encode } from '@msgpack/msgpack'
import WebSocket from 'ws'
import { createEncoder } from '../protocol/columns.ts'
import { type FromCollector, PROTOCOL_VERSION } from '../protocol/messages.ts'
import type { Labels } from '../protocol/series.ts'
import type { FleetIdentity } from './fleet-identities.ts'

export interface PushJob {
  readonly url: string
  readonly pins: readonly string[]
  readonly hosts: readonly (FleetIdentity & { readonly columns: readonly Labels[] })[]
}

/** What the child is told. */
export type PushOrder =
  | { readonly do: 'connect' }
  /** The rows go out evenly over `spreadMs`; answered when all are acknowledged. */
  | { readonly do: 'send'; readonly rows: readonly { readonly host: number; readonly values: readonly number[] }[]; readonly spreadMs: number }
  /** From now on every host reads all its values every so often, as agents do, each at an offset of its own. */
  | { readonly do: 'tick'; readonly everyMs: number }
  /** Another value, which goes out with the host's next tick. */
  | { readonly do: 'set'; readonly host: number; readonly column: number; readonly value: number }
  /** Another value that goes out at once, with an event. */
  | { readonly do: 'push'; readonly host: number; readonly column: number; readonly value: number }

/** What it answers; `firstAt` and `lastAt` are the times of the first and the last row. */
export interface PushAnswer {
  readonly error?: string
  readonly firstAt: number
  readonly lastAt: number
}

interface Link {
  /** Sends these values, or those of last time; gives the time they carry. */
  send(values?: readonly number[], event?: string): number
  readonly values: number[]
  acknowledged(): boolean
}

function openLink(job: PushJob, index: number): Promise<Link> {
  const host = job.hosts[index]
  if (host === undefined) throw new Error(`no host ${index}`)
  const socket = new WebSocket(job.url, { cert: host.certificate, key: host.key, ca: [...job.pins], checkServerIdentity: () => false, perMessageDeflate: false })
  const encoder = createEncoder()
  let seq = 1
  let acked = 0
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () =>
      socket.send(
        encode({ t: 'hello', version: PROTOCOL_VERSION, agent: { version: 'bench', node: process.version, pid: process.pid }, host: { hostname: host.name, machineId: 'bench', bootId: 'bench' }, epoch: `push-${index}`, next: 1, delivery: { kind: 'live', periodMs: 0 }, intervalMs: 15_000, at: Date.now() }),
      ),
    )
    socket.on('message', (data: Buffer) => {
      const frame = decode(data) as FromCollector
      switch (frame.t) {
        case 'welcome': {
          const beat = setInterval(() => socket.ping(), frame.heartbeatMs)
          socket.on('close', () => clearInterval(beat))
          const current = host.columns.map(() => 0)
          resolve({
            values: current,
            send(values = current, event) {
              const at = Date.now()
              if (values !== current) current.splice(0, current.length, ...values)
              const define = seq === 1 ? [{ group: 'tick', columns: [...host.columns] }] : []
              socket.send(encode({ t: 'batch', seq: seq++, late: false, define, columns: encoder.encode([{ group: 0, at, values: Float64Array.from(values) }]), events: event === undefined ? [] : [{ kind: 'bench', rule: event, severity: 'critical', at, text: event, labels: {} }], facts: [], checks: [] }))
              return at
            },
            acknowledged: () => acked === seq - 1,
          })
          break
        }
        case 'ack':
          acked = frame.accepted.reduce((most, [, to]) => Math.max(most, to), acked)
          break
        case 'refuse':
          reject(new Error(`${host.name} refused: ${frame.code} ${frame.why}`))
          break
        case 'certificate':
        case 'pins':
      }
    })
  })
}

async function obey(job: PushJob, links: Link[], order: PushOrder): Promise<PushAnswer> {
  if (order.do === 'connect') {
    for (let first = 0; first < job.hosts.length; first += 25) links.push(...(await Promise.all(job.hosts.slice(first, first + 25).map((_, offset) => openLink(job, first + offset)))))
    return { firstAt: Date.now(), lastAt: Date.now() }
  }
  if (order.do === 'tick') {
    for (const [index, link] of links.entries()) setTimeout(() => setInterval(() => link.send(), order.everyMs), (index * order.everyMs) / links.length)
    return { firstAt: Date.now(), lastAt: Date.now() }
  }
  if (order.do === 'set' || order.do === 'push') {
    const link = links[order.host]
    if (link === undefined) throw new Error(`no host ${order.host}`)
    link.values[order.column] = order.value
    const at = order.do === 'push' ? link.send(undefined, String(order.column)) : Date.now()
    return { firstAt: at, lastAt: at }
  }
  const begun = Date.now()
  let firstAt = Number.POSITIVE_INFINITY
  let lastAt = 0
  for (const [place, { host, values }] of order.rows.entries()) {
    const wait = begun + (place * order.spreadMs) / order.rows.length - Date.now()
    if (wait > 1) await delay(wait)
    lastAt = links[host]?.send(values) ?? lastAt
    firstAt = Math.min(firstAt, lastAt)
  }
  while (order.rows.some(({ host }) => links[host]?.acknowledged() === false)) await delay(5)
  return { firstAt, lastAt }
}

const file = process.argv[2]
if (import.meta.main && file !== undefined) {
  const job = JSON.parse(readFileSync(file, 'utf8')) as PushJob
  const links: Link[] = []
  process.on('message', (order: PushOrder) => {
    obey(job, links, order).then(
      (answer) => process.send?.(answer),
      (error: unknown) => process.send?.({ error: String(error), firstAt: 0, lastAt: 0 }),
    )
  })
  process.once('disconnect', () => process.exit(0))
}
