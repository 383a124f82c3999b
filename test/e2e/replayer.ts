/**
 * A peer that sends batches again that the collector may have already: what a link does whose acknowledgements were lost
 * and whose collector did not say so in its welcome. It uses the dead agent's own identity, spool and framing.
 */
import { decode, encode } from '@msgpack/msgpack'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { ColumnedBatch } from '../../agent/batch.ts'
import { createFramer } from '../../agent/link/frame.ts'
import { loadIdentity } from '../../agent/link/identity.ts'
import { readEntry, scanSegment } from '../../agent/spool/segment.ts'
import { contains, union } from '../../agent/spool/ranges.ts'
import type { SeqRanges } from '../../protocol/batch.ts'
import { type FromCollector, PROTOCOL_VERSION, fromCollector } from '../../protocol/messages.ts'

export interface ReplayOutcome {
  /** Batches sent that the collector had said to have. */
  readonly known: number
  /** Batches sent that it had not; each is sent twice too. */
  readonly fresh: number
  /** Numbers it acknowledged. */
  readonly acknowledged: number
}

/** Sends every batch in the spool of `home` twice over one connection and waits until all are acknowledged. Rejects after `timeoutMs`. */
export async function replaySpool(home: string, url: string, timeoutMs: number): Promise<ReplayOutcome> {
  const identity = loadIdentity(home)
  if (identity === undefined) throw new Error(`replay: ${home} is not enrolled`)
  const folder = join(home, 'spool')
  const { epoch } = JSON.parse(readFileSync(join(folder, 'epoch'), 'utf8').split('\n')[0] ?? '') as { epoch: string }
  const batches = readdirSync(folder).filter((name) => name.endsWith('.seg')).sort().flatMap((name): ColumnedBatch[] => {
    const bytes = readFileSync(join(folder, name))
    const scan = scanSegment(bytes)
    return scan.entries.flatMap((entry) => readEntry(bytes, scan, entry) ?? [])
  })
  if (batches.length === 0) return { known: 0, fresh: 0, acknowledged: 0 }

  const socket = new WebSocket(`${url.replace(/^https/, 'wss')}/link`, { cert: identity.certificate, key: identity.key, ca: [...identity.pins], checkServerIdentity: () => false, perMessageDeflate: false })
  socket.binaryType = 'nodebuffer'
  let acked: SeqRanges = []
  let known: SeqRanges = []
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`replay: not acknowledged within ${timeoutMs} ms`)), timeoutMs)
      socket.on('error', reject)
      socket.on('close', (code) => reject(new Error(`replay: closed with ${code}`)))
      socket.on('open', () => {
        socket.send(encode({
          t: 'hello', version: PROTOCOL_VERSION, agent: { version: 'replay', node: process.version, pid: process.pid }, host: { hostname: 'replay', machineId: '', bootId: '' },
          intervalMs: 1_000, epoch, next: 1 + Math.max(...batches.map(({ batch }) => batch.seq)), delivery: { kind: 'live', periodMs: 1_000 }, at: Date.now(),
        }))
      })
      socket.on('message', (data: Buffer) => {
        const message: FromCollector = fromCollector.parse(decode(data))
        if (message.t === 'refuse') reject(new Error(`replay: refused ${message.seq}: ${message.code} ${message.why}`))
        if (message.t === 'welcome') {
          known = union([], message.accepted)
          const framer = createFramer()
          for (const item of [...batches, ...batches]) socket.send(framer.frame(item, true))
        }
        if (message.t === 'ack') acked = union(acked, message.accepted)
        if (batches.every(({ batch }) => contains(acked, batch.seq))) {
          clearTimeout(late)
          resolve()
        }
      })
    })
  } finally {
    socket.removeAllListeners()
    socket.on('error', () => undefined)
    socket.terminate()
  }
  const before = batches.filter(({ batch }) => contains(known, batch.seq)).length
  return { known: before, fresh: batches.length - before, acknowledged: batches.length }
}
