import { counter } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, stepped } from './steps.ts'

const FOLDER = '/sys/devices/system/cpu'
const core = counter('node_cpu_core_throttles_total', 'Number of times this CPU core has been throttled.', 'package', 'core')
const whole = counter('node_cpu_package_throttles_total', 'Number of times this CPU package has been throttled.', 'package')

const absent: Outcome<void> = { kind: 'absent', why: 'no CPU that counts thermal throttling' }

/** Thermal throttling of cores and packages (Intel). Threads of one core share its counter; the first one seen tells it. */
export const cpuThrottles = stepped({
  name: 'cpu-throttles',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [core, whole],
  *steps(host, out) {
    const cores = new Set<string>()
    const packages = new Set<string>()
    for (const name of (yield* namesIfThere(host, FOLDER)) ?? []) {
      if (!/^cpu\d+$/.test(name)) continue
      const path = `${FOLDER}/${name}`
      const coreCount = yield* attribute(host, `${path}/thermal_throttle/core_throttle_count`)
      if (coreCount === undefined) continue
      const coreId = yield* attribute(host, `${path}/topology/core_id`)
      const packageId = yield* attribute(host, `${path}/topology/physical_package_id`)
      if (coreId === undefined || packageId === undefined) continue
      if (!cores.has(`${packageId}/${coreId}`)) {
        cores.add(`${packageId}/${coreId}`)
        out.sample(out.series(core, packageId, coreId), numberOf(`${path}/thermal_throttle/core_throttle_count`, coreCount))
      }
      if (packages.has(packageId)) continue
      const packageCount = yield* attribute(host, `${path}/thermal_throttle/package_throttle_count`)
      if (packageCount === undefined) continue
      packages.add(packageId)
      out.sample(out.series(whole, packageId), numberOf(`${path}/thermal_throttle/package_throttle_count`, packageCount))
    }
    return cores.size === 0 ? absent : ok
  },
})
