import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { stepped } from './steps.ts'

const seconds = gauge('node_time_seconds', 'System time in seconds since epoch (1970).')

/** The host's clock, to be held against the collector's. */
export const time = stepped({
  name: 'time',
  cadence: 'tick',
  timeoutMs: 1_000,
  series: [seconds],
  // oxlint-disable-next-line eslint/require-yield -- nothing here has to be waited for
  *steps(host, out) {
    out.sample(out.series(seconds), host.now() / 1000)
    return ok
  },
})
