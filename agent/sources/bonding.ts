import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

const slaves = gauge('node_bonding_slaves', 'Number of configured slaves per bonding interface.', 'master')
const active = gauge('node_bonding_active', 'Number of active slaves per bonding interface.', 'master')

/**
 * Slaves of one bond and how many of them have a link. The text begins with the bond's own `MII Status`, which says up as
 * long as one slave is; each `Slave Interface` line opens a section with its own.
 * Source: kernel drivers/net/bonding/bond_procfs.c (the sysfs files of slaves were renamed twice, this text never).
 */
export function parseBond(text: string): { readonly slaves: number; readonly active: number } {
  const [, ...sections] = text.split(/^Slave Interface: /m)
  return { slaves: sections.length, active: sections.filter((section) => /^MII Status: up$/m.test(section)).length }
}

/** Bonded interfaces: how many slaves each has and how many of them carry traffic. */
export const bonding = stepped({
  name: 'bonding',
  cadence: 'tick',
  timeoutMs: 2_000,
  series: [slaves, active],
  *steps(host, out) {
    const masters = yield* textIfThere(host, '/sys/class/net/bonding_masters')
    if (masters === undefined) return { kind: 'absent', why: 'the bonding module is not loaded' }
    for (const master of masters.split(/\s+/).filter((name) => name !== '')) {
      const bond = parseBond(yield* settled(host.read(`/proc/net/bonding/${master}`)))
      out.sample(out.series(slaves, master), bond.slaves)
      out.sample(out.series(active, master), bond.active)
    }
    return ok
  },
})
