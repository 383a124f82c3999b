import { gauge } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const available = gauge('node_entropy_available_bits', 'Bits of available entropy.')
const pool = gauge('node_entropy_pool_size_bits', 'Bits of entropy pool.')
const FOLDER = '/proc/sys/kernel/random'

/** The kernel's random pool, bits. Source: random(4). */
export const entropy = stepped({
  name: 'entropy',
  cadence: 'tick',
  timeoutMs: 2_000,
  series: [available, pool],
  *steps(host, out) {
    const bits = yield* settled(host.read(`${FOLDER}/entropy_avail`))
    const size = yield* settled(host.read(`${FOLDER}/poolsize`))
    out.sample(out.series(available), numberOf('entropy_avail', bits))
    out.sample(out.series(pool), numberOf('poolsize', size))
    return ok
  },
})
