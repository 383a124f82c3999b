/**
 * Sends a fleet's samples, as a child of bench/collector.ts so that its CPU is not the server's. Told by IPC:
 * `connect` opens the links, `pass {ticks, everyMs}` sends that many ticks of every host (flat out when everyMs is 0),
 * `influx {ticks}` posts the same to victoria-metrics. Answers each with what it sent.
 */
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { encode, decode } from '@msgpack/msgpack'
import WebSocket from 'ws'
import { createEncoder } from '../protocol/columns.ts'
import { type FromCollector, PROTOCOL_VERSION } from '../protocol/messages.ts'
import { METRIC_NAME } from '../protocol/series.ts'
import { type FleetTemplate, fleetHost } from './fleet.ts'

interface Job {
  readonly hosts: readonly { readonly name: string; readonly certificate: string; readonly key: string }[]
  readonly pins: readonly string[]
  readonly url: string
  readonly influxPort: number
  readonly startMs: number
  readonly template: { readonly columns: FleetTemplate['columns']; readonly base: readonly number[]; readonly kinds: readonly number[] }
}

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Job
const template: FleetTemplate = { columns: job.template.columns, base: Float64Array.from(job.template.base), kinds: Uint8Array.from(job.template.kinds) }
const intervalMs = 15_000

interface Link {
  /** `late`: a reading of the past, as an agent marks what it sends after an outage. */
  send(at: number, late: boolean): Promise<void>
  drained(): Promise<void>
  bytes(): number
  frames: number
}

function openLink(index: number): Promise<Link> {
  const identity = job.hosts[index]
  if (identity === undefined) throw new Error(`no host ${index}`)
  const socket = new WebSocket(job.url, { cert: identity.certificate, key: identity.key, ca: [...job.pins], checkServerIdentity: () => false, perMessageDeflate: false })
  const host = fleetHost(template, 1000 + index)
  const encoder = createEncoder()
  let seq = 1
  let unacked = 0
  let window = 1
  let wake: (() => void) | undefined
  const waitWhile = async (busy: () => boolean): Promise<void> => {
    while (busy()) await new Promise<void>((resolve) => (wake = resolve))
  }
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () =>
      socket.send(
        encode({ t: 'hello', version: PROTOCOL_VERSION, agent: { version: 'bench', node: process.version, pid: process.pid }, host: { hostname: identity.name, machineId: 'bench', bootId: 'bench' }, epoch: `bench-${index}`, next: 1, delivery: { kind: 'live', periodMs: 0 }, intervalMs, at: Date.now() }),
      ),
    )
    socket.on('message', (data: Buffer) => {
      const frame = decode(data) as FromCollector
      switch (frame.t) {
        case 'welcome': {
          window = frame.window
          const link: Link = {
            frames: 0,
            async send(at, late) {
              await waitWhile(() => unacked >= window)
              host.step()
              const define = seq === 1 ? [{ group: 'tick', columns: [...template.columns] }] : []
              const columns = encoder.encode([{ group: 0, at, values: host.values }])
              unacked++
              link.frames++
              socket.send(encode({ t: 'batch', seq: seq++, late, define, columns, events: [], facts: [], checks: [] }))
            },
            drained: () => waitWhile(() => unacked > 0),
            bytes: () => Number(Reflect.get(Reflect.get(socket, '_socket') as object, 'bytesWritten')),
          }
          const beat = setInterval(() => socket.ping(), frame.heartbeatMs)
          socket.on('close', () => clearInterval(beat))
          resolve(link)
          break
        }
        case 'ack':
          unacked = seq - 1 - frame.accepted.reduce((most, [, to]) => Math.max(most, to), seq - 1 - unacked)
          wake?.()
          break
        case 'refuse':
          reject(new Error(`host ${identity.name} refused: ${frame.code} ${frame.why}`))
          process.exitCode = 1
          console.error(`refused: ${frame.code} ${frame.why}`)
          break
        case 'certificate':
        case 'pins':
      }
    })
  })
}

let links: Link[] = []
let tick = 0
const lines: { host: ReturnType<typeof fleetHost>; prefixes: string[] }[] = []
let influxTick = 0

async function pass(ticks: number, everyMs: number): Promise<object> {
  const bytes = links.reduce((sum, link) => sum + link.bytes(), 0)
  const startedAt = performance.now()
  for (let done = 0; done < ticks; done++) {
    if (everyMs === 0) {
      const at = job.startMs + tick * intervalMs
      await Promise.all(links.map((link) => link.send(at, true)))
    } else {
      // Paced: real time, hosts spread evenly over the interval.
      const begun = Date.now()
      for (let index = 0; index < links.length; index++) {
        const due = begun + (index * everyMs) / links.length
        if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()))
        await links[index]?.send(Date.now(), false)
      }
      const rest = begun + everyMs - Date.now()
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
    }
    tick++
  }
  await Promise.all(links.map((link) => link.drained()))
  return { samples: ticks * links.length * template.columns.length, frames: ticks * links.length, seconds: (performance.now() - startedAt) / 1000, bytes: links.reduce((sum, link) => sum + link.bytes(), 0) - bytes }
}

const escaped = (text: string): string => text.replaceAll(/[,= \\]/g, (character) => `\\${character}`)

function post(body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: job.influxPort, path: '/write?precision=ms', method: 'POST', headers: { 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume()
      response.on('end', () => (response.statusCode === 204 ? resolve() : reject(new Error(`/write answered ${response.statusCode}`))))
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** The same hosts and values as line protocol, ten hosts a POST, two POSTs under way. */
async function influx(ticks: number): Promise<object> {
  if (lines.length === 0) {
    job.hosts.forEach(({ name }, index) => {
      const prefixes = template.columns.map((labels) => {
        const tags = Object.entries({ ...labels, instance: name, job: 'node' }).filter(([key, value]) => key !== METRIC_NAME && value !== '')
        return `${escaped(labels[METRIC_NAME] ?? '')},${tags.map(([key, value]) => `${escaped(key)}=${escaped(value)}`).join(',')} value=`
      })
      lines.push({ host: fleetHost(template, 1000 + index), prefixes })
    })
  }
  const startedAt = performance.now()
  let posts: Promise<void>[] = []
  for (let done = 0; done < ticks; done++) {
    const at = job.startMs + influxTick * intervalMs
    for (let first = 0; first < lines.length; first += 10) {
      let body = ''
      for (const { host, prefixes } of lines.slice(first, first + 10)) {
        host.step()
        for (let index = 0; index < prefixes.length; index++) body += `${prefixes[index]}${host.values[index]} ${at}\n`
      }
      posts.push(post(body))
      if (posts.length >= 2) {
        await Promise.all(posts)
        posts = []
      }
    }
    influxTick++
  }
  await Promise.all(posts)
  return { samples: ticks * lines.length * template.columns.length, seconds: (performance.now() - startedAt) / 1000 }
}

process.on('message', (message: { do: string; ticks?: number; everyMs?: number }) => {
  const work = async (): Promise<object> => {
    switch (message.do) {
      case 'connect':
        for (let first = 0; first < job.hosts.length; first += 50) links.push(...(await Promise.all(job.hosts.slice(first, first + 50).map((_, offset) => openLink(first + offset)))))
        return { links: links.length }
      case 'pass':
        return pass(message.ticks ?? 1, message.everyMs ?? 0)
      case 'influx':
        return influx(message.ticks ?? 1)
      default:
        links = []
        process.exit(0)
    }
  }
  work().then(
    (answer) => process.send?.({ ok: true, ...answer }),
    (error: unknown) => process.send?.({ ok: false, error: String(error) }),
  )
})
