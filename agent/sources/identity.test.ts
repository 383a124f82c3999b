import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exited, memoryHost, recordingSink } from '../../test/memory-host.ts'
import type { RunResult } from '../host.ts'
import { localHost } from '../host-local.ts'
import { type HardwareIdentity, hardwareIdentity, identitySource } from './identity.ts'

const signal = new AbortController().signal
const sample: HardwareIdentity = {
  system: { manufacturer: 'Maker', model: 'R1', virtual: false },
  bios: {},
  board: {},
  cpu: { sockets: 2, cores: 32 },
  os: { kernel: '3.10.0-693.el7.x86_64' },
  memory: [{ slot: 'A1', sizeBytes: 34359738368 }],
  disks: [{ device: '/dev/sda', sizeBytes: 600e9 }],
}

describe('identity source', () => {
  it('runs this program again and sends what it prints as a fact, only after checking it', async () => {
    const host = memoryHost({ run: () => exited(`${JSON.stringify(sample)}\n`) })
    const sink = recordingSink()
    expect(await identitySource(host, ['/opt/agent.cjs']).read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    expect(host.ran).toEqual([[process.execPath, '/opt/agent.cjs', 'identity']])
    expect(sink.facts).toEqual([{ name: 'hardware.identity', at: host.now(), json: JSON.stringify(sample) }])
  })

  it.each<[string, RunResult]>([
    ['nothing that is JSON', exited('oops')],
    ['a field nobody knows', exited(JSON.stringify({ ...sample, surprise: 1 }))],
    ['a failed child', exited('', 1, 'no')],
    ['a hung child', { kind: 'hung' }],
    ['an endless child', { kind: 'overflow' }],
    ['no program', { kind: 'missing' }],
  ])('gives no fact but an error on %s', async (_, result) => {
    const host = memoryHost({ run: () => result })
    const sink = recordingSink()
    expect(await identitySource(host, []).read(host, sink, signal)).toMatchObject({ kind: 'failed' })
    expect(sink.facts).toEqual([])
  })

  it('never tells of this machine in the name of another', async () => {
    const remote = memoryHost({ run: () => exited(JSON.stringify(sample)) })
    expect(await identitySource(memoryHost({}), []).read(remote, recordingSink(), signal)).toMatchObject({ kind: 'absent' })
    expect(remote.ran).toEqual([])
  })
})

describe('this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zs-identity-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('is read in a child of its own, within the time and the shape', async () => {
    const entry = join(folder, 'entry.ts')
    const at = (path: string): string => JSON.stringify(join(import.meta.dirname, path))
    writeFileSync(
      entry,
      `import { readIdentity } from ${at('../identity.ts')}\nimport { localHost } from ${at('../host-local.ts')}\nconsole.log(JSON.stringify(await readIdentity(localHost())))\n`,
    )
    const host = localHost()
    const sink = recordingSink()
    expect(await identitySource(host, [entry]).read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    const identity = hardwareIdentity.parse(JSON.parse(sink.facts[0]!.json))
    expect(identity.cpu.cores).toBeGreaterThan(0)
    expect(identity.os.kernel).toMatch(/^\d+\.\d+/)
    expect(identity.disks.length).toBeGreaterThan(0)
    // Whoever may not read the DIMMs says nothing of them.
    for (const module of identity.memory ?? []) expect(module.slot ?? module.type).toBeDefined()
    expect(identity.memory).not.toEqual([])
  })
})
