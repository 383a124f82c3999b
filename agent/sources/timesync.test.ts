import { describe, expect, it } from 'vitest'
import { exited, memoryHost, recordingSink } from '../../test/memory-host.ts'
import type { RunResult } from '../host.ts'
import { parseChrony, parseNtpq, parseTimedatectl, parseTimesyncOffset, timesync } from './timesync.ts'

const chrony = 'C0A80A01,192.168.10.1,3,1795000000.123456789,0.000012345,-0.000003000,0.000020000,-12.345,0.001,0.050,0.004000000,0.001500000,64.5,Normal\n'
const chronyLost = '00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,-12.345,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n'
const ntpq = `     remote           refid      st t when poll reach   delay   offset  jitter
==============================================================================
+192.168.10.2    192.168.10.1     3 u   33   64  377    0.412    1.250   0.101
*192.168.10.1    .GPS.            1 u   21   64  377    0.250   -2.500   0.050
`
// systemd 219 and 252.
const old = '      Local time: Sun 2026-11-22 18:00:00 CST\n       RTC time: Sun 2026-11-22 10:00:00\n     NTP enabled: yes\nNTP synchronized: yes\n RTC in local TZ: no\n'
const recent = '               Local time: Sun 2026-11-22 10:00:00 UTC\nSystem clock synchronized: no\n              NTP service: active\n'
const timesyncStatus = '       Server: 192.168.10.1 (ntp)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n         Leap: normal\n       Offset: -1.345ms\n        Delay: 26ms\n'

describe('what the daemons print', () => {
  it('chronyc: positive when this clock is slow, bound from offset, delay and dispersion', () => {
    expect(parseChrony(chrony)).toEqual({ synchronized: true, offsetSeconds: 0.000012345, maxErrorSeconds: expect.closeTo(0.003512345, 12) })
    expect(parseChrony(chronyLost)).toEqual({ synchronized: false, offsetSeconds: undefined, maxErrorSeconds: undefined })
    expect(parseChrony('506 Cannot talk to daemon\n')).toBeUndefined()
  })

  it('ntpq: the peer that is followed, milliseconds', () => {
    expect(parseNtpq(ntpq)).toEqual({ synchronized: true, offsetSeconds: -0.0025, maxErrorSeconds: undefined })
    expect(parseNtpq(ntpq.replace('*', ' '))?.synchronized).toBe(false)
    expect(parseNtpq('ntpq: read: Connection refused\n')).toBeUndefined()
  })

  it('timedatectl of both ages', () => {
    expect(parseTimedatectl(old)?.synchronized).toBe(true)
    expect(parseTimedatectl(recent)?.synchronized).toBe(false)
    expect(parseTimedatectl('Failed to query server')).toBeUndefined()
  })

  it('time spans', () => {
    const offset = (text: string): number | undefined => parseTimesyncOffset(`  Offset: ${text}\n`)
    expect([offset('-1.345ms'), offset('+12us'), offset('+1min 2.5s'), offset('0'), offset('n/a')]).toEqual([-0.001345, 12e-6, 62.5, 0, undefined])
    expect(parseTimesyncOffset('Packet count: 0')).toBeUndefined()
  })
})

const signal = new AbortController().signal
const answers = (given: Record<string, RunResult>) => (argv: readonly string[]): RunResult => given[argv.join(' ')] ?? { kind: 'missing' }

describe('timesync source', () => {
  it('asks the next one where one is missing or has no daemon, and does not look for the missing each minute', async () => {
    let now = 1_795_000_000_000
    const host = memoryHost({ now: () => now, run: answers({ 'ntpq -pn': exited('', 1, 'ntpq: read: Connection refused'), timedatectl: exited(old), 'timedatectl timesync-status': exited(timesyncStatus) }) })
    const sink = recordingSink()
    expect(await timesync.read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    expect(sink.samples).toEqual({ node_timex_sync_status: 1, node_timex_offset_seconds: -0.001345 })
    now += 60_000
    await timesync.read(host, recordingSink(), signal)
    expect(host.ran.filter(([program]) => program === 'chronyc')).toHaveLength(1)
    expect(host.ran.filter(([program]) => program === 'ntpq')).toHaveLength(2)
    now += 3_600_000
    await timesync.read(host, recordingSink(), signal)
    expect(host.ran.filter(([program]) => program === 'chronyc')).toHaveLength(2)
  })

  it('asks one that is there but never answers less often, and every minute again once it answers', async () => {
    let now = 1_795_000_000_000
    const given: Record<string, RunResult> = { 'chronyc -c tracking': exited('', 1, '506 Cannot talk to daemon') }
    const host = memoryHost({ now: () => now, run: (argv) => answers(given)(argv) })
    const runs = (): number => host.ran.filter(([program]) => program === 'chronyc').length
    for (let minute = 0; minute < 3; minute++, now += 60_000) await timesync.read(host, recordingSink(), signal)
    expect(runs()).toBe(3)
    for (let minute = 0; minute < 9; minute++, now += 60_000) await timesync.read(host, recordingSink(), signal)
    expect(runs()).toBe(3)
    given['chronyc -c tracking'] = exited(chronyLost)
    for (let minute = 0; minute < 3; minute++, now += 60_000) expect((await timesync.read(host, recordingSink(), signal)).kind).toBe('ok')
    expect(runs()).toBe(6)
  })

  it('takes "not synchronised" for an answer and asks nobody else', async () => {
    const host = memoryHost({ run: answers({ 'chronyc -c tracking': exited(chronyLost), timedatectl: exited(old) }) })
    const sink = recordingSink()
    await timesync.read(host, sink, signal)
    expect(sink.samples).toEqual({ node_timex_sync_status: 0 })
    expect(host.ran).toHaveLength(1)
  })

  it('is absent with the reason and no value where nobody answers', async () => {
    const sink = recordingSink()
    const outcome = await timesync.read(memoryHost({ run: answers({ timedatectl: { kind: 'hung' } }) }), sink, signal)
    expect(outcome).toEqual({ kind: 'absent', why: 'no time daemon could be asked (tried chronyc, ntpq, timedatectl)' })
    expect(sink.samples).toEqual({})
  })
})
