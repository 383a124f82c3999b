import { gauge } from '../../protocol/series.ts'
import { tzOfFile, zoneAt } from './posix-tz.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, stepped, textIfThere } from './steps.ts'

const FOLDER = '/sys/devices/system/clocksource'
const offset = gauge('node_time_zone_offset_seconds', 'System time zone offset in seconds.', 'time_zone')
const available = gauge('node_time_clocksource_available_info', `Available clocksources read from '${FOLDER}'.`, 'device', 'clocksource')
const current = gauge('node_time_clocksource_current_info', `Current clocksource read from '${FOLDER}'.`, 'device', 'clocksource')

/** The host's time zone and where its clock comes from. */
export const timeZone = stepped({
  name: 'time-zone',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [offset, available, current],
  *steps(host, out): Generator<Promise<void>, Outcome<void>, void> {
    for (const device of (yield* namesIfThere(host, FOLDER)) ?? []) {
      if (!/^clocksource\d+$/.test(device)) continue
      const number = device.slice('clocksource'.length)
      const all = (yield* attribute(host, `${FOLDER}/${device}/available_clocksource`)) ?? ''
      for (const name of new Set(all.split(' '))) if (name !== '') out.sample(out.series(available, number, name), 1)
      const now = (yield* attribute(host, `${FOLDER}/${device}/current_clocksource`)) ?? ''
      if (now !== '') out.sample(out.series(current, number, now), 1)
    }
    const file = yield* textIfThere(host, '/etc/localtime')
    // Without the file the C library takes UTC.
    const tz = file === undefined ? 'UTC0' : tzOfFile(file)
    const zone = tz === undefined ? undefined : zoneAt(tz, host.now())
    if (zone === undefined) return { kind: 'failed', error: new Error(`/etc/localtime: no time zone in it: ${JSON.stringify(tz ?? '')}`) }
    out.sample(out.series(offset, zone.abbreviation), zone.offsetSeconds)
    return ok
  },
})
