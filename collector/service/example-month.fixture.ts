/**
 * July 2026 of two sample services: the inputs of the hand-computed month (example-month.test.ts does the sums). `portal`
 * is promised round the clock, `business` 5×8. Made-up events, office time.
 */
import type { Blind } from './blind.ts'
import type { ClockName, Fault } from './fault.ts'
import type { MonthSources } from './month.ts'
import { decideByTree } from './tree.ts'
import type { MaintenanceWindow } from './window.ts'

/** A moment of office time. */
export const at = (text: string): number => Date.parse(`${text.replace(' ', 'T')}+08:00`)

const LIMIT_SECONDS = { respond: 3_600, dispose: 7_200, recover: 86_400 } as const satisfies Record<ClockName, number>

function fault(number: string, service: string, object: string, from: string, to: string, stops: Readonly<Record<ClockName, string>>, fields: Partial<Fault> = {}): Fault {
  const start = at(from)
  return {
    number, version: 7, service, object, severity: 'critical', profile: 'standard', from: start, to: at(to), pauses: [], closed: true, blind: [],
    clocks: (['respond', 'dispose', 'recover'] as const).map((name) => ({ name, dueAt: start + LIMIT_SECONDS[name] * 1_000, stoppedAt: at(stops[name]) })),
    ...fields,
  }
}

const stops = (respond: string, dispose: string, recover: string): Readonly<Record<ClockName, string>> => ({ respond, dispose, recover })

export const exampleFaults: readonly Fault[] = [
  fault('F20260630-001', 'portal', 'web-01', '2026-06-30 23:40:00', '2026-07-01 00:25:30', stops('2026-06-30 23:50:00', '2026-07-01 00:20:00', '2026-07-01 00:25:30')),
  fault('F20260708-001', 'portal', 'web-01', '2026-07-08 23:10:20', '2026-07-09 01:45:05', stops('2026-07-08 23:58:20', '2026-07-09 01:10:21', '2026-07-09 01:45:05')),
  fault('F20260709-001', 'business', 'app-01', '2026-07-09 17:30:00', '2026-07-13 09:20:00', stops('2026-07-09 17:45:00', '2026-07-09 19:00:00', '2026-07-13 09:20:00')),
  // Over at 10:30, back at 10:45: the same incident.
  fault('F20260715-001', 'portal', 'web-01', '2026-07-15 10:00:00', '2026-07-15 11:20:00', stops('2026-07-15 10:59:59', '2026-07-15 12:00:00', '2026-07-15 11:20:00'), { pauses: [{ from: at('2026-07-15 10:30:00'), to: at('2026-07-15 10:45:00') }] }),
  fault('F20260718-001', 'portal', 'web-01', '2026-07-18 23:50:00', '2026-07-19 00:40:00', stops('2026-07-19 00:51:00', '2026-07-19 00:50:00', '2026-07-19 00:40:00')),
  fault('F20260725-001', 'portal', '', '2026-07-25 12:05:00', '2026-07-25 12:15:00', stops('2026-07-25 12:06:00', '2026-07-25 12:15:00', '2026-07-25 12:15:00')),
  fault('F20260727-001', 'portal', 'link-a', '2026-07-27 08:00:00', '2026-07-27 09:00:00', stops('2026-07-27 08:10:00', '2026-07-27 08:30:00', '2026-07-27 09:00:00'), { severity: 'warning' }),
  fault('F20260727-002', 'portal', 'link-b', '2026-07-27 08:40:00', '2026-07-27 09:30:00', stops('2026-07-27 08:45:00', '2026-07-27 09:00:00', '2026-07-27 09:30:00'), { severity: 'warning' }),
  // Only a remark: affects no service.
  fault('F20260728-001', 'portal', 'web-01', '2026-07-28 00:00:00', '2026-07-29 12:00:00', stops('2026-07-28 00:30:00', '2026-07-28 01:00:00', '2026-07-29 12:00:00'), { severity: 'info' }),
  // Merged into another: does not count.
  fault('F20260729-001', 'portal', 'web-01', '2026-07-29 00:00:00', '2026-07-29 06:00:00', stops('2026-07-29 03:00:00', '2026-07-29 05:00:00', '2026-07-29 06:00:00'), { excluded: '并入 F20260727-002' }),
  fault('F20260731-001', 'portal', 'web-01', '2026-07-31 23:30:00', '2026-08-01 00:15:45', stops('2026-08-01 00:00:00', '2026-08-01 00:10:00', '2026-08-01 00:15:45')),
]

const window = (id: string, from: string, to: string, endsAt: string, approved: boolean): MaintenanceWindow => ({
  id, version: 3, services: ['portal'], objects: [], from: at(from), to: at(to), endsAt: at(endsAt), reason: '系统升级', by: 'onsite', plannedAt: at('2026-07-16 09:00:00'), afterTheFact: false, cancelled: false,
  ...(approved ? { approval: { name: '甲方代表', at: at('2026-07-16 15:00:00'), how: '书面' } } : {}),
})

export const exampleWindows: readonly MaintenanceWindow[] = [
  window('M20260716-001', '2026-07-18 22:00:00', '2026-07-19 02:00:00', '2026-07-19 00:30:00', true),
  // Nobody approved it.
  window('M20260716-002', '2026-07-27 08:30:00', '2026-07-27 10:00:00', '2026-07-27 10:00:00', false),
]

export const exampleBlind: readonly Blind[] = [
  { from: at('2026-07-22 03:00:00'), to: at('2026-07-22 03:12:30'), why: 'collector-down', service: '', object: '' },
  { from: at('2026-07-25 12:00:00'), to: at('2026-07-25 12:20:00'), why: 'agent-silent', service: 'portal', object: 'web-01' },
]

/** Monday to Friday, but Friday 10 July is off and Saturday 11 July worked instead. 2027 is not loaded. */
export function exampleWorkingDay(date: string): boolean | undefined {
  if (!date.startsWith('2026')) return undefined
  if (date === '2026-07-10') return false
  return date === '2026-07-11' || ![0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay())
}

export const exampleSources: MonthSources = {
  zone: 'Asia/Shanghai',
  contractStart: '2026-03-01',
  work: [],
  services: [{ service: 'portal', opening: undefined }, { service: 'business', opening: [{ from: '09:00', to: '12:00' }, { from: '13:00', to: '18:00' }] }],
  workingDay: exampleWorkingDay,
  decide: decideByTree({ portal: { critical: ['web-01', ['link-a', 'link-b']] }, business: { critical: ['app-01'] } }, ['critical', 'warning']),
  faults: exampleFaults,
  windows: exampleWindows,
  blind: exampleBlind,
  requests: [],
}
