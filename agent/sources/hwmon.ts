import { posix } from 'node:path'
import { type SeriesSpec, counter, gauge } from '../../protocol/series.ts'
import type { Host } from '../host.ts'
import { ok } from './source.ts'
import { type Steps, attribute, namesIfThere, settled, slowAttribute, stepped } from './steps.ts'

const LABELS = ['chip', 'sensor'] as const
const chipNames = gauge('node_hwmon_chip_names', 'Annotation metric for human-readable chip names', 'chip', 'chip_name')
const sensorLabel = gauge('node_hwmon_sensor_label', 'Label for given chip and sensor', 'chip', 'sensor', 'label')

/** One metric and what the kernel's whole number is multiplied with to be in its unit. */
interface Reading {
  readonly spec: SeriesSpec
  readonly factor: number
}

const LIMITS = ['min', 'max', 'lcrit', 'crit', 'lowest', 'highest'] as const
const ALARMS = ['alarm', 'fault', 'beep', 'min_alarm', 'max_alarm', 'lcrit_alarm', 'crit_alarm', 'emergency_alarm', 'cap_alarm'] as const
const HYSTERESES = ['min_hyst', 'max_hyst', 'lcrit_hyst', 'crit_hyst', 'emergency', 'emergency_hyst'] as const

/**
 * The elements of each sensor type that are read: `temp1_crit` is type `temp`, sensor `temp1`, element `crit`. What a
 * driver has besides these is writable tuning (fan curves), no reading.
 * Source: kernel Documentation/hwmon/sysfs-interface.rst.
 */
const ELEMENTS: Readonly<Record<string, readonly string[]>> = {
  vrm: [''],
  beep_enable: [''],
  update_interval: [''],
  in: ['input', 'average', ...LIMITS, ...ALARMS],
  cpu: ['vid'],
  fan: ['input', 'target', 'div', 'pulses', ...LIMITS, ...ALARMS],
  pwm: ['', 'enable', 'mode', 'freq'],
  temp: ['input', 'type', 'offset', ...LIMITS, ...HYSTERESES, ...ALARMS],
  curr: ['input', 'average', ...LIMITS, ...ALARMS],
  power: [
    'input', 'average', 'average_interval', 'average_interval_min', 'average_interval_max', 'average_min', 'average_max', 'average_lowest',
    'average_highest', 'input_lowest', 'input_highest', 'accuracy', 'cap', 'cap_hyst', 'cap_min', 'cap_max', ...LIMITS, ...ALARMS,
  ],
  energy: ['input'],
  humidity: ['input', ...LIMITS, ...ALARMS],
  intrusion: ['alarm', 'beep'],
  freq: ['input'],
}

/** node_exporter's name, unit and help of one element. */
function describe(type: string, element: string): Reading {
  const plain = (name: string, help: string, factor = 1): Reading => ({ spec: gauge(name, help, ...LABELS), factor })
  if (type === 'beep_enable') return plain('node_hwmon_beep_enabled', 'Hardware beep enabled')
  if (type === 'vrm') return plain('node_hwmon_voltage_regulator_version', 'Hardware voltage regulator')
  if (type === 'update_interval') return plain('node_hwmon_update_interval_seconds', 'Hardware monitor update interval', 0.001)
  let name = `node_hwmon_${type}`
  if (element !== 'input' && element !== '') name += `_${element}`
  if (element === 'fault' || element === 'alarm') return plain(name, `Hardware sensor ${element} status (${type})`)
  if (element === 'beep') return plain(`${name}_enabled`, 'Hardware monitor sensor has beeping enabled')
  switch (type) {
    case 'in':
    case 'cpu':
      return plain(`${name}_volts`, `Hardware monitor for voltage (${element})`, 0.001)
    case 'temp':
      if (element !== 'type') return plain(`${name}_celsius`, `Hardware monitor for temperature (${element})`, 0.001)
      break
    case 'curr':
      return plain(`${name}_amps`, `Hardware monitor for current (${element})`, 0.001)
    case 'energy':
      return { spec: counter(`${name}_joule_total`, `Hardware monitor for joules used so far (${element})`, ...LABELS), factor: 1e-6 }
    case 'power':
      if (element === 'accuracy') return plain(name, 'Hardware monitor power meter accuracy, as a ratio', 1e-6)
      if (element.startsWith('average_interval')) return plain(`${name}_seconds`, `Hardware monitor power usage update interval (${element})`, 0.001)
      return plain(`${name}_watt`, `Hardware monitor for power usage in watts (${element})`, 1e-6)
    case 'humidity':
      return plain(
        name,
        `Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a percentage) (${element})`,
        1e-6,
      )
    case 'fan':
      if (['input', 'min', 'max', 'target'].includes(element)) return plain(`${name}_rpm`, `Hardware monitor for fan revolutions per minute (${element})`)
      break
    case 'freq':
      return plain(`${name}_freq_mhz`, 'Hardware monitor for GPU frequency in MHz', 1e-6)
    default:
      break
  }
  return plain(name, `Hardware monitor ${type} element ${element}`)
}

const readings = new Map<string, Reading>(
  Object.entries(ELEMENTS).flatMap(([type, elements]) => elements.map((element) => [`${type} ${element}`, describe(type, element)] as const)),
)

/** Makes a chip's or sensor's text fit for a label that takes part in joins: lower case, `[a-z0-9:_]` only. */
export function cleanName(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9:_]/g, '_').replaceAll(/^_+|_+$/g, '')
}

/** Splits `temp1_crit` into type, sensor and element; undefined for what is no sensor's file. */
export function parseSensorFile(name: string): { readonly type: string; readonly sensor: string; readonly element: string } | undefined {
  const match = /^([^0-9]+)([0-9]*)(?:_(.+))?$/.exec(name)
  if (match === null) return undefined
  const [, type = '', id = '', element = ''] = match
  if (!(type in ELEMENTS)) return undefined
  // `beep_enable` has no number: node_exporter counts it as 0.
  return { type, sensor: `${type}${Number(id)}`, element }
}

function* linkTarget(host: Host, path: string): Steps<string | undefined> {
  try {
    return posix.resolve(posix.dirname(path), yield* settled(host.readLink(path)))
  } catch {
    // Not a link, or not there: the caller has another way to a name.
    return undefined
  }
}

/** A name that stays the same over reboots: bus and device, else the driver's name, else the folder's. */
function* chipName(host: Host, folder: string, real: string, driver: string): Steps<string> {
  const device = yield* linkTarget(host, `${real}/device`)
  if (device !== undefined) {
    const bus = cleanName(posix.basename(posix.dirname(device)))
    const name = cleanName(posix.basename(device))
    if (bus !== '' && name !== '') return `${bus}_${name}`
    if (name !== '') return name
  }
  return cleanName(driver) || cleanName(posix.basename(folder))
}

const FOLDER = '/sys/class/hwmon'

/**
 * Temperatures, fans, voltages, currents and power of the machine's sensor chips. A reading that the driver refuses
 * (unplugged sensor) is left out. Read through the thread pool, since some drivers ask firmware.
 */
export const hwmon = stepped({
  name: 'hwmon',
  cadence: 'minute',
  timeoutMs: 10_000,
  series: [chipNames, sensorLabel, ...new Map([...readings.values()].map(({ spec }) => [spec.name, spec])).values()],
  *steps(host, out, signal) {
    const chips = (yield* namesIfThere(host, FOLDER)) ?? []
    if (chips.length === 0) return { kind: 'absent', why: 'no sensor chip is known to the kernel' }
    for (const chip of [...chips].sort()) {
      const folder = `${FOLDER}/${chip}`
      const real = (yield* linkTarget(host, folder)) ?? folder
      const driver = (yield* attribute(host, `${folder}/name`)) ?? ''
      const name = yield* chipName(host, folder, real, driver)
      if (cleanName(driver) !== '') out.sample(out.series(chipNames, name, cleanName(driver)), 1)
      const seen = new Set<string>()
      // Up to Linux 3.x drivers put their files into the device's folder instead.
      for (const place of [folder, `${folder}/device`]) {
        for (const file of (yield* namesIfThere(host, place)) ?? []) {
          const parts = parseSensorFile(file)
          if (parts === undefined || seen.has(file)) continue
          const reading = readings.get(`${parts.type} ${parts.element}`)
          if (reading === undefined && parts.element !== 'label') continue
          const text = yield* slowAttribute(host, `${place}/${file}`, signal)
          if (text === undefined || text === '') continue
          seen.add(file)
          if (reading === undefined) out.sample(out.series(sensorLabel, name, parts.sensor, text), 1)
          else if (Number.isFinite(Number(text))) out.sample(out.series(reading.spec, name, parts.sensor), Number(text) * reading.factor)
        }
      }
    }
    return ok
  },
})
