import * as z from 'zod/mini'
import { ok, type Source } from './sources/source.ts'

const DAY_MS = 86_400_000

const hardware = z.object({
  system: z.object({ manufacturer: z.string(), model: z.string(), version: z.string(), serial: z.string(), uuid: z.string(), virtual: z.boolean() }),
  baseboard: z.object({ manufacturer: z.string(), model: z.string(), serial: z.string() }),
  bios: z.object({ vendor: z.string(), version: z.string(), releaseDate: z.string() }),
  cpu: z.object({ manufacturer: z.string(), brand: z.string(), cores: z.number(), physicalCores: z.number(), processors: z.number() }),
  os: z.object({ distro: z.string(), release: z.string(), kernel: z.string(), arch: z.string() }),
})

/** What this machine is: maker, model, serial numbers, firmware, processors, release. Empty texts where it cannot be read. */
export type Hardware = z.infer<typeof hardware>

/**
 * Reads the identity through systeminformation. Its calls start child processes synchronously and block (PARTS §2), so
 * this runs in a process of its own (`agent identity`); only these five calls are used, none of which takes a name.
 */
export async function readHardware(): Promise<Hardware> {
  const si = await import('systeminformation')
  const system = await si.system()
  const baseboard = await si.baseboard()
  const bios = await si.bios()
  const cpu = await si.cpu()
  const os = await si.osInfo()
  return hardware.parse({ system: { ...system, virtual: system.virtual ?? false }, baseboard, bios, cpu, os })
}

/**
 * The fact `hardware.identity`, read once an hour by running `argv` (this program as `agent identity`): sent when it
 * differs from what was sent last, and daily. A program that hangs is killed by the host's own limit.
 */
export function hardwareSource(argv: readonly [string, ...string[]]): Source {
  let sent = { json: '', at: -Infinity }
  return {
    name: 'hardware',
    cadence: 'hour',
    timeoutMs: 40_000,
    series: [],
    async read(host, out) {
      const result = await host.run(argv, { timeoutMs: 30_000, maxBytes: 64 * 1024 })
      if (result.kind !== 'exited') return { kind: 'failed', error: new Error(`hardware: reading it ended as ${result.kind}`) }
      if (result.code !== 0) return { kind: 'failed', error: new Error(`hardware: exit code ${result.code}: ${result.stderr.slice(0, 300)}`) }
      const json = JSON.stringify(hardware.parse(JSON.parse(result.stdout)))
      const at = host.now()
      if (json !== sent.json || at - sent.at >= DAY_MS) {
        out.fact({ name: 'hardware.identity', at, json })
        sent = { json, at }
      }
      return ok
    },
  }
}
