import { counter, gauge, type SeriesSpec } from '../../protocol/series.ts'
import type { Host } from '../host.ts'
import { malformed, wholeNumber } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { type Steps, attribute, namesIfThere, slowAttribute, stepped } from './steps.ts'

const FOLDER = '/sys/class/net'
const property = (name: string): SeriesSpec => gauge(`node_network_${name}`, `Network device property: ${name}`, 'device')
const changes = (name: string): SeriesSpec => counter(`node_network_${name}`, `Network device property: ${name}`, 'device')

const up = gauge('node_network_up', "Value is 1 if operstate is 'up', 0 otherwise.", 'device')
const info = gauge('node_network_info', 'Non-numeric data from /sys/class/net/<iface>, value is always 1.', 'device', 'address', 'broadcast', 'duplex', 'operstate', 'ifalias')
const speedBytes = property('speed_bytes')

/** Attributes that tell of a fault: with every tick. */
const LIVE: readonly (readonly [file: string, spec: SeriesSpec])[] = [
  ['carrier', property('carrier')],
  ['carrier_changes', changes('carrier_changes_total')],
  ['dormant', property('dormant')],
]
/** Settings of a device, which hardly ever change, and the two halves of `carrier_changes`: once a minute. */
const SETTINGS: readonly (readonly [file: string, spec: SeriesSpec])[] = [
  ['carrier_up_count', changes('carrier_up_changes_total')],
  ['carrier_down_count', changes('carrier_down_changes_total')],
  ['addr_assign_type', property('address_assign_type')],
  ['dev_id', property('device_id')],
  ['flags', property('flags')],
  ['ifindex', property('iface_id')],
  ['iflink', property('iface_link')],
  ['link_mode', property('iface_link_mode')],
  ['mtu', property('mtu_bytes')],
  ['name_assign_type', property('name_assign_type')],
  ['netdev_group', property('net_dev_group')],
  ['tx_queue_len', property('transmit_queue_length')],
  ['type', property('protocol_type')],
]

/** A sysfs number, decimal or with `0x`; throws on anything else. Source: kernel Documentation/ABI/testing/sysfs-class-net. */
export function parseAttribute(what: string, text: string): number {
  // Regular expressions are interpreted under --lite-mode; nearly all of these are decimal.
  const decimal = wholeNumber(text, 0, text.length)
  if (decimal !== undefined) return decimal
  const value = /^0x[0-9a-f]+$/i.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value)) throw malformed(what, 'not a number', text, 0, text.length)
  return value
}

/** Bytes a second from the `speed` attribute in Mbit/s; -1 (unknown) stays what node_exporter makes of it, -125000. */
export function speedInBytes(megabits: number): number {
  return (megabits * 1_000_000) / 8
}

/** Names in /sys/class/net that are devices: `bonding_masters` is a file in the same folder. */
function* devices(host: Host): Steps<readonly string[] | undefined> {
  return (yield* namesIfThere(host, FOLDER))?.filter((name) => name !== 'bonding_masters')
}

const absent: Outcome<void> = { kind: 'absent', why: `no ${FOLDER}` }

/** Whether links are up, and how often they went away. */
export const netclass = stepped({
  name: 'netclass',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [up, ...LIVE.map(([, spec]) => spec)],
  *steps(host, out) {
    const found = yield* devices(host)
    if (found === undefined) return absent
    for (const device of found) {
      const state = yield* attribute(host, `${FOLDER}/${device}/operstate`)
      // Taken away between the listing and now.
      if (state === undefined) continue
      out.sample(out.series(up, device), state === 'up' ? 1 : 0)
      for (const [file, spec] of LIVE) {
        const path = `${FOLDER}/${device}/${file}`
        const text = yield* attribute(host, path)
        if (text !== undefined && text !== '') out.sample(out.series(spec, device), parseAttribute(path, text))
      }
    }
    return ok
  },
})

/**
 * Settings and addresses of network devices. `speed` and `duplex` ask the driver, some of which ask their firmware while
 * holding the network lock, so they are read through the thread pool.
 */
export const netclassInfo = stepped({
  name: 'netclass-info',
  cadence: 'minute',
  timeoutMs: 10_000,
  series: [info, speedBytes, ...SETTINGS.map(([, spec]) => spec)],
  *steps(host, out, signal) {
    const found = yield* devices(host)
    if (found === undefined) return absent
    for (const device of found) {
      const at = `${FOLDER}/${device}`
      const state = yield* attribute(host, `${at}/operstate`)
      if (state === undefined) continue
      for (const [file, spec] of SETTINGS) {
        const text = yield* attribute(host, `${at}/${file}`)
        if (text !== undefined && text !== '') out.sample(out.series(spec, device), parseAttribute(`${at}/${file}`, text))
      }
      const address = (yield* attribute(host, `${at}/address`)) ?? ''
      const broadcast = (yield* attribute(host, `${at}/broadcast`)) ?? ''
      const alias = (yield* attribute(host, `${at}/ifalias`)) ?? ''
      const duplex = (yield* slowAttribute(host, `${at}/duplex`, signal)) ?? ''
      out.sample(out.series(info, device, address, broadcast, duplex, state, alias), 1)
      const speed = yield* slowAttribute(host, `${at}/speed`, signal)
      if (speed !== undefined && speed !== '') out.sample(out.series(speedBytes, device), speedInBytes(parseAttribute(`${at}/speed`, speed)))
    }
    return ok
  },
})
