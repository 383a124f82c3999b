import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { lockHome } from './lock.ts'
import { nextTickMs } from './run.ts'

const home = mkdtempSync(join(tmpdir(), 'lock-'))
const file = join(home, 'agent.lock')
afterEach(() => rmSync(file, { force: true }))

describe('home lock', () => {
  it('lets one in, and the next when it has gone', () => {
    const unlock = lockHome(home, 'boot')
    expect(() => lockHome(home, 'boot')).toThrow(new RegExp(`process ${process.pid} is already running`))
    unlock()
    expect(existsSync(file)).toBe(false)
    lockHome(home, 'boot')()
  })

  it('is not held by the dead: another boot, a process id used again, a torn file', () => {
    for (const text of [
      JSON.stringify({ pid: process.pid, startedAt: '1', bootId: 'boot' }),
      readLock('another boot'),
      JSON.stringify({ pid: 2 ** 22 + 1, startedAt: '5', bootId: 'boot' }),
      '{"pid":',
    ]) {
      writeFileSync(file, text)
      lockHome(home, 'boot')()
    }
  })
})

function readLock(bootId: string): string {
  const unlock = lockHome(home, bootId)
  const text = readFileSync(file, 'utf8')
  unlock()
  return text
}

describe('next tick', () => {
  it('keeps the pace, per agent at its own phase, and never doubles a tick', () => {
    for (const [instance, start] of [['a', 1_700_000_000_123], ['b', 1_700_000_004_567]] as const) {
      let now = start + nextTickMs(start, 15_000, instance)
      for (let i = 0; i < 20; i++) {
        // Timers fire a little late, or a hair early.
        const fired = now + (i % 3) * 40 - 1
        const next = fired + nextTickMs(fired, 15_000, instance)
        expect(Math.abs(next - now - 15_000)).toBeLessThanOrEqual(1)
        now = next
      }
    }
    expect(nextTickMs(0, 15_000, 'a')).not.toBe(nextTickMs(0, 15_000, 'b'))
  })
})
