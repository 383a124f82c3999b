import * as z from 'zod/mini'
import type { Host } from '../host.ts'
import { type Outcome, type Sink, type Source, ok } from './source.ts'
import { failure } from './steps.ts'

const text = z.string().check(z.maxLength(500))
const maybe = z.optional(text)
const count = z.optional(z.number().check(z.positive()))

/** What `agent identity` prints. A field that is not there could not be read (most serial numbers need root). */
export const hardwareIdentity = z.strictObject({
  system: z.strictObject({ manufacturer: maybe, model: maybe, serial: maybe, uuid: maybe, virtual: z.optional(z.boolean()) }),
  bios: z.strictObject({ vendor: maybe, version: maybe, releaseDate: maybe }),
  board: z.strictObject({ manufacturer: maybe, model: maybe, serial: maybe, memorySlots: count }),
  cpu: z.strictObject({ manufacturer: maybe, brand: maybe, sockets: count, physicalCores: count, cores: count }),
  os: z.strictObject({ distribution: maybe, release: maybe, kernel: maybe, architecture: maybe }),
  /** Modules that are there; left out altogether where they could not be read, which is not the same as none. */
  memory: z.optional(
    z
      .array(z.strictObject({ slot: maybe, sizeBytes: z.number(), type: maybe, manufacturer: maybe, part: maybe, serial: maybe, clockMegahertz: count }))
      .check(z.maxLength(1_000)),
  ),
  disks: z
    .array(z.strictObject({ device: text, vendor: maybe, model: maybe, serial: maybe, firmware: maybe, sizeBytes: count, interface: maybe }))
    .check(z.maxLength(10_000)),
})
export type HardwareIdentity = z.infer<typeof hardwareIdentity>

const RUN = { timeoutMs: 45_000, maxBytes: 4 * 1024 * 1024 } as const

async function read(host: Host, out: Sink, argv: readonly [string, ...string[]]): Promise<Outcome<void>> {
  const result = await host.run(argv, RUN)
  switch (result.kind) {
    case 'exited': {
      if (result.code !== 0) throw new Error(`identity: the child ended with ${result.code}: ${result.stderr.slice(0, 300)}`)
      const identity = hardwareIdentity.parse(JSON.parse(result.stdout))
      out.fact({ name: 'hardware.identity', at: host.now(), json: JSON.stringify(identity) })
      return ok
    }
    case 'failed':
      throw new Error('identity: the child could not be run', { cause: result.error })
    case 'missing':
    case 'hung':
    case 'overflow':
      throw new Error(`identity: the child ${result.kind === 'missing' ? 'is missing' : `was given up: ${result.kind}`}`)
  }
}

/**
 * The hardware of this machine once an hour, as the fact `hardware.identity`. `agentArgv` is how this program was started
 * up to its own arguments: the script, or nothing for a single executable.
 *
 * Only for `local`: on any other host the child would tell of this machine, so there it is absent.
 */
export function identitySource(local: Host, agentArgv: readonly string[]): Source {
  const argv: readonly [string, ...string[]] = [process.execPath, ...agentArgv, 'identity']
  return {
    name: 'identity',
    cadence: 'hour',
    timeoutMs: 50_000,
    series: [],
    read: (host, out) => (host === local ? read(host, out, argv).catch(failure) : { kind: 'absent', why: 'only the machine that the agent runs on is asked for its hardware' }),
  }
}
