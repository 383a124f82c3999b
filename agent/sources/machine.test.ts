import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import { hostAt } from '../host-local.ts'
import { bonding, parseBond } from './bonding.ts'
import { conntrack, parseConntrackStat } from './conntrack.ts'
import { edac } from './edac.ts'
import { entropy } from './entropy.ts'
import { cleanName, hwmon, parseSensorFile } from './hwmon.ts'
import { mdadm, parseMdstat } from './mdadm.ts'
import { osRelease, parseOsRelease, versionNumber } from './os-release.ts'
import type { Source } from './source.ts'

/** The sources that read one kernel table each. What they say about the same machine as node_exporter: test/integration. */
const machine = hostAt(join(import.meta.dirname, '../../test/fixtures/machines/el7-raid-bond'))
const signal = new AbortController().signal

async function samplesOf(source: Source): Promise<Record<string, number>> {
  const sink = recordingSink()
  expect(await source.read(machine, sink, signal)).toEqual({ kind: 'ok', value: undefined })
  return sink.samples
}

describe('mdstat', () => {
  it('tells a degraded, rebuilding array from a whole one', async () => {
    const samples = await samplesOf(mdadm)
    expect(samples).toMatchObject({
      'node_md_disks{device="md0",state="active"}': 2,
      'node_md_disks_required{device="md1"}': 2,
      'node_md_disks{device="md1",state="active"}': 1,
      'node_md_disks{device="md1",state="down"}': 1,
      'node_md_state{device="md1",state="recovering"}': 1,
      'node_md_state{device="md1",state="active"}': 0,
      'node_md_disks{device="md2",state="failed"}': 1,
      'node_md_disks{device="md2",state="spare"}': 1,
    })
  })

  it('refuses an array without its size', () => {
    expect(() => parseMdstat('md0 : active raid1 sda1[0]\n\n')).toThrow(/mdstat: no size of md0/)
  })

  it('knows no array where there is none', () => {
    expect(parseMdstat('Personalities : \nunused devices: <none>\n')).toEqual([])
  })
})

describe('bonding', () => {
  it('counts slaves with a link, not the bond itself', async () => {
    expect(await samplesOf(bonding)).toEqual({
      'node_bonding_slaves{master="bond0"}': 2,
      'node_bonding_active{master="bond0"}': 1,
      'node_bonding_slaves{master="bond1"}': 0,
      'node_bonding_active{master="bond1"}': 0,
    })
    expect(parseBond('MII Status: up\n')).toEqual({ slaves: 0, active: 0 })
  })
})

describe('conntrack', () => {
  it('sums hexadecimal columns over the CPUs, by heading', async () => {
    expect(await samplesOf(conntrack)).toMatchObject({
      node_nf_conntrack_entries: 318,
      node_nf_conntrack_entries_limit: 65536,
      node_nf_conntrack_stat_invalid: 20,
      node_nf_conntrack_stat_search_restart: 2,
    })
    expect(parseConntrackStat('a b\n0f 01\n01\n').get('a')).toBe(16)
  })
})

describe('hwmon', () => {
  it('finds sensors in the chip and in its device folder, with stable chip names', async () => {
    expect(await samplesOf(hwmon)).toMatchObject({
      'node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp1"}': 45,
      'node_hwmon_sensor_label{chip="platform_coretemp_0",label="Core 0",sensor="temp2"}': 1,
      'node_hwmon_power_average_watt{chip="lnxsybus:00_acpi000d:00",sensor="power1"}': 182,
    })
  })

  it('leaves a sensor out whose driver refuses the read, and keeps the others', async () => {
    const folder = '/sys/class/hwmon/hwmon0'
    const host = memoryHost({ files: { [`${folder}/name`]: 'x\n', [`${folder}/temp1_input`]: '1000\n', [`${folder}/temp2_input`]: '2000\n' } })
    const readSlow: typeof host.readSlow = (path, abort) =>
      path.endsWith('temp1_input') ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : host.readSlow(path, abort)
    const sink = recordingSink()
    await hwmon.read({ ...host, readSlow }, sink, signal)
    expect(sink.samples).toEqual({
      'node_hwmon_chip_names{chip="x",chip_name="x"}': 1,
      'node_hwmon_temp_celsius{chip="x",sensor="temp2"}': 2,
    })
  })

  it('takes file names apart', () => {
    expect(parseSensorFile('temp12_crit_alarm')).toEqual({ type: 'temp', sensor: 'temp12', element: 'crit_alarm' })
    expect(parseSensorFile('pwm1')).toEqual({ type: 'pwm', sensor: 'pwm1', element: '' })
    expect(parseSensorFile('uevent')).toBeUndefined()
    expect(cleanName('/Dell DIMM-1/')).toBe('dell_dimm_1')
  })
})

describe('memory controllers and the random pool', () => {
  it('reads errors by controller and row', async () => {
    expect(await samplesOf(edac)).toMatchObject({
      'node_edac_correctable_errors_total{controller="1"}': 3,
      'node_edac_csrow_uncorrectable_errors_total{controller="1",csrow="1"}': 1,
      'node_edac_csrow_correctable_errors_total{controller="1",csrow="unknown"}': 1,
    })
  })

  it('reads bits', async () => {
    expect(await samplesOf(entropy)).toEqual({ node_entropy_available_bits: 1337, node_entropy_pool_size_bits: 4096 })
  })
})

describe('os-release', () => {
  it('names the system', async () => {
    expect(await samplesOf(osRelease)).toEqual({
      'node_os_info{id="centos",id_like="rhel fedora",name="CentOS Linux",pretty_name="CentOS Linux 7 (Core)",version="7 (Core)",version_id="7"}': 1,
      'node_os_version{id="centos",id_like="rhel fedora",name="CentOS Linux"}': 7,
    })
  })

  it('reads values as a shell would', () => {
    const variables = parseOsRelease('# x\nNAME=Fedora\nA="say \\"hi\\" for \\$5"\nB=\'single "quoted"\'\nbroken\nC=\n')
    expect([...variables]).toEqual([['NAME', 'Fedora'], ['A', 'say "hi" for $5'], ['B', 'single "quoted"'], ['C', '']])
  })

  it('has no version number for a rolling release', () => {
    expect([versionNumber('22.04.1'), versionNumber('7'), versionNumber('')]).toEqual([22.04, 7, undefined])
  })
})

describe('a machine without any of these', () => {
  it.each([mdadm, bonding, conntrack, hwmon, edac, osRelease])('$name is absent with a reason', async (source) => {
    const sink = recordingSink()
    const outcome = await source.read(memoryHost({}), sink, signal)
    expect(outcome).toEqual({ kind: 'absent', why: expect.stringMatching(/.{10}/) })
    expect(sink.samples).toEqual({})
  })

  it('fails, not absent, where a number is no number', async () => {
    const host = memoryHost({ files: { '/proc/sys/kernel/random/entropy_avail': 'x\n', '/proc/sys/kernel/random/poolsize': '1\n' } })
    expect(await entropy.read(host, recordingSink(), signal)).toMatchObject({ kind: 'failed' })
  })
})
