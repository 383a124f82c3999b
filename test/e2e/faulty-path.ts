/**
 * A TCP path between an agent and its collector that fails on command. TLS passes through as it is; nothing is looked
 * into. Each fault is what a real network does: a reset, a silence without an end (half-open), a trickle, a refusal.
 */
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'

/**
 * `pass`: as it is. `stall`: connections are accepted and bytes swallowed both ways, no FIN, no reset, old connections
 * too. `slow`: `rate` bytes a second each way. `refuse`: a reset as soon as somebody connects.
 */
export type PathMode = 'pass' | 'stall' | 'slow' | 'refuse'

export interface FaultyPath {
  readonly port: number
  mode(): PathMode
  set(mode: PathMode): void
  /** Resets every connection there is now. Those that a stall has swallowed bytes of stay as they are: half-open. */
  cut(): void
  /** Connections taken since the start. */
  taken(): number
  close(): Promise<void>
}

interface Pair {
  readonly agent: Socket
  readonly collector: Socket | undefined
  /** Bytes of it were swallowed: neither end will ever hear of the other again. */
  dead: boolean
}

/** Opens the path to `127.0.0.1:target` on an ephemeral loopback port. */
export async function openFaultyPath(target: number, rate = 3_000): Promise<FaultyPath> {
  let mode: PathMode = 'pass'
  let taken = 0
  const pairs = new Set<Pair>()

  const carry = (pair: Pair, from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      if (mode === 'stall') pair.dead = true
      if (pair.dead) return
      if (mode !== 'slow') {
        if (!to.write(chunk)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
        return
      }
      from.pause()
      trickle(chunk, to, rate, () => mode === 'slow' && !pair.dead, () => from.resume())
    })
    from.on('error', () => undefined)
    from.on('end', () => !pair.dead && mode !== 'stall' && to.end())
    from.on('close', () => {
      // In a stall the other end hears nothing, also not that this one is gone.
      if (mode === 'stall') pair.dead = true
      if (!pair.dead) to.destroy()
      if (pair.agent.destroyed && (pair.collector?.destroyed ?? true)) pairs.delete(pair)
    })
  }

  const server: Server = createServer({ allowHalfOpen: true }, (agent) => {
    taken++
    agent.on('error', () => undefined)
    if (mode === 'refuse') {
      agent.resetAndDestroy()
      return
    }
    if (mode === 'stall') {
      const pair: Pair = { agent, collector: undefined, dead: true }
      pairs.add(pair)
      agent.on('close', () => pairs.delete(pair))
      agent.resume()
      return
    }
    const collector = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true })
    const pair: Pair = { agent, collector, dead: false }
    pairs.add(pair)
    carry(pair, agent, collector)
    carry(pair, collector, agent)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const end = (pair: Pair): void => {
    pair.agent.resetAndDestroy()
    pair.collector?.resetAndDestroy()
    pairs.delete(pair)
  }
  return {
    port: (server.address() as AddressInfo).port,
    mode: () => mode,
    set(next) {
      mode = next
    },
    cut() {
      for (const pair of pairs) if (!pair.dead) end(pair)
    },
    taken: () => taken,
    async close() {
      for (const pair of pairs) end(pair)
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Writes `chunk` at `rate` bytes a second for as long as `goesOn`, the rest at once; then `done`. */
function trickle(chunk: Buffer, to: Socket, rate: number, goesOn: () => boolean, done: () => void): void {
  const step = Math.max(1, Math.round(rate / 10))
  let at = 0
  const next = (): void => {
    if (to.destroyed || at >= chunk.length) return done()
    const size = goesOn() ? step : chunk.length - at
    to.write(chunk.subarray(at, at + size))
    at += size
    setTimeout(next, 100)
  }
  next()
}
