import { gauge } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, slowAttribute, stepped } from './steps.ts'

const FOLDER = '/sys/class/thermal'
const temperature = gauge('node_thermal_zone_temp', 'Zone temperature in Celsius', 'zone', 'type')
const state = gauge('node_cooling_device_cur_state', 'Current throttle state of the cooling device', 'name', 'type')
const maxState = gauge('node_cooling_device_max_state', 'Maximum throttle state of the cooling device', 'name', 'type')

const absent: Outcome<void> = { kind: 'absent', why: `no ${FOLDER}` }

/** Temperatures and cooling devices as the kernel's thermal framework sees them. ACPI zones ask firmware, so: thread pool. */
export const thermalZone = stepped({
  name: 'thermal_zone',
  cadence: 'minute',
  timeoutMs: 10_000,
  series: [temperature, state, maxState],
  *steps(host, out, signal) {
    const names = yield* namesIfThere(host, FOLDER)
    if (names === undefined) return absent
    for (const name of names) {
      const match = /^(thermal_zone|cooling_device)(\d+)$/.exec(name)
      if (match === null) continue
      const [, kind, number = ''] = match
      const path = `${FOLDER}/${name}`
      const type = (yield* attribute(host, `${path}/type`)) ?? ''
      if (kind === 'thermal_zone') {
        const milli = yield* slowAttribute(host, `${path}/temp`, signal)
        if (milli !== undefined && milli !== '') out.sample(out.series(temperature, number, type), numberOf(`${path}/temp`, milli) / 1000)
        continue
      }
      for (const [file, spec] of [['cur_state', state], ['max_state', maxState]] as const) {
        const text = yield* slowAttribute(host, `${path}/${file}`, signal)
        if (text !== undefined && text !== '') out.sample(out.series(spec, number, type), numberOf(`${path}/${file}`, text))
      }
    }
    return ok
  },
})
