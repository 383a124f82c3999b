import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordingSink } from '../../test/memory-host.ts'
import { scaled, seed } from '../../test/scale.ts'
import { hostAt } from '../host-local.ts'
import type { Host } from '../host.ts'
import { sources } from './registry.ts'
import type { Outcome, Source } from './source.ts'
import { failure } from './steps.ts'

const folder = (machine: string): string => new URL(`../../test/fixtures/machines/${machine}`, import.meta.url).pathname

function textOf(host: Host, path: string): string {
  const text = host.read(path)
  if (typeof text !== 'string') throw new Error('a recorded machine answers at once')
  return text
}

/** A recorded machine whose every text goes through `change`. */
function changed(machine: string, change: (text: string, path: string) => string): Host {
  const host = hostAt(folder(machine))
  const text = (path: string): string => change(textOf(host, path), path)
  return { ...host, read: text, readSlow: (path) => Promise.resolve().then(() => text(path)) }
}

async function readOf(source: Source, host: Host): Promise<{ outcome: Outcome<void>; samples: Record<string, number> }> {
  const sink = recordingSink()
  // As the schedule does it: a rejection is a failure.
  const outcome = await Promise.resolve()
    .then(() => source.read(host, sink, new AbortController().signal))
    .catch((error: unknown) => failure(error))
  return { outcome, samples: sink.samples }
}

/** Sources whose files are whole tables, with one file each that is cut: a cut must be told and not read as a small number. */
const TABLES: readonly (readonly [source: string, path: string, machine?: string])[] = [
  ['cpu', '/proc/stat'],
  ['stat', '/proc/stat'],
  ['loadavg', '/proc/loadavg'],
  ['meminfo', '/proc/meminfo'],
  ['vmstat', '/proc/vmstat'],
  ['pressure', '/proc/pressure/cpu'],
  ['pressure', '/proc/pressure/memory'],
  ['diskstats', '/proc/diskstats'],
  ['netdev', '/proc/net/dev'],
  ['netstat', '/proc/net/netstat'],
  ['netstat', '/proc/net/snmp'],
  ['netstat', '/proc/net/snmp6'],
  ['sockstat', '/proc/net/sockstat'],
  ['sockstat', '/proc/net/sockstat6'],
  ['softnet', '/proc/net/softnet_stat'],
  ['arp', '/proc/net/arp'],
  ['filefd', '/proc/sys/fs/file-nr'],
  ['schedstat', '/proc/schedstat', 'el7-3.10'],
  ['tcpstat', '/proc/net/tcp', 'el7-3.10'],
  ['udp_queues', '/proc/net/udp', 'el7-3.10'],
]
const byName = (name: string): Source => (sources as readonly Source[]).find((source) => source.name === name)!

describe.each(TABLES.map(([name, path, machine = 'debian-12']) => ({ name, path, machine })))('$name', ({ name, path, machine }) => {
  test(`a cut ${path} is a failure that names the file`, async () => {
    const whole = textOf(hostAt(folder(machine)), path)
    await fc.assert(
      fc.asyncProperty(fc.nat(Math.max(0, whole.length - 2)), async (at) => {
        // A cut exactly behind a newline cannot be seen (and leaves whole lines).
        fc.pre(at > 0 && whole[at - 1] !== '\n')
        const { outcome } = await readOf(byName(name), changed(machine, (text, read) => (read === path ? text.slice(0, at) : text)))
        expect(outcome.kind).toBe('failed')
        if (outcome.kind === 'failed') expect(outcome.error.message).toContain(path)
      }),
      { seed, numRuns: scaled(40, 1_000) },
    )
  })

  // The ARP table has no number that is looked at.
  test.skipIf(name === 'arp')(`letters where ${path} has its numbers are a failure that names the file`, async () => {
    const { outcome } = await readOf(byName(name), changed(machine, (text, read) => (read === path ? text.replace(/\b[0-9a-f]*\d[0-9a-f]*\b/gi, 'xyz') : text)))
    expect(outcome.kind).toBe('failed')
    if (outcome.kind === 'failed') expect(outcome.error.message).toContain(path)
  })
})

const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', '\n', ':\n', 'cpu\n', 'cpu0 1\n', '-1\n', '99999999999999999999999\n', '0x\n', 'a: b c\n', `${'9 '.repeat(500)}\n`),
)

test.each((sources as readonly Source[]).map((source) => [source.name, source] as const))('%s never throws, whatever its files hold', async (_, source) => {
  await fc.assert(
    fc.asyncProperty(fc.array(noise, { minLength: 1, maxLength: 8 }), fc.constantFrom('debian-12', 'el7-3.10'), async (texts, machine) => {
      let next = 0
      const { outcome, samples } = await readOf(source, changed(machine, () => texts[next++ % texts.length]!))
      expect(['ok', 'absent', 'failed']).toContain(outcome.kind)
      if (outcome.kind === 'failed') expect(outcome.error.message).not.toMatch(/undefined|is not a function|Cannot read|put twice/)
      for (const value of Object.values(samples)) expect(value).toBeTypeOf('number')
    }),
    { seed, numRuns: scaled(40, 2_000) },
  )
})

test.each((sources as readonly Source[]).map((source) => [source.name, source] as const))('%s does not fail only because a machine has none of its files', async (_, source) => {
  const bare = hostAt('/nonexistent')
  const { outcome } = await readOf(source, bare)
  if (outcome.kind === 'failed') expect(outcome.error.message).toMatch(/\/(?:proc|etc|sys)\b|df|\/nonexistent/)
})
