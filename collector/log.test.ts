import { describe, expect, it, vi } from 'vitest'
import { officeTime, systemClock } from './clock.ts'
import { createLog, errorText } from './log.ts'
import { selfProblems } from './self-view.ts'
import type { StoreStats } from './store/store.ts'

describe('createLog', () => {
  it('writes one JSON object a line, from its level on', () => {
    const lines: string[] = []
    const log = createLog('warn', (line) => lines.push(line), () => 0)
    log.debug('no')
    log.info('no')
    log.warn('line\nbreak', { port: 1, error: new Error('outer', { cause: new Error('inner') }) })
    log.error('yes')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { at: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'line\nbreak', port: 1, error: 'outer: inner' },
      { at: '1970-01-01T00:00:00.000Z', level: 'error', message: 'yes' },
    ])
    for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1)
  })

  it('an error is told with its causes', () => {
    expect(errorText(new Error('a', { cause: new Error('b', { cause: 'c' }) }))).toBe('a: b: c')
    expect(errorText('text')).toBe('text')
  })
})

describe('systemClock', () => {
  it('never runs a task twice at once, reports what fails and goes on, and stops', async () => {
    vi.useFakeTimers()
    try {
      const reports: unknown[] = []
      const clock = systemClock((name, error) => reports.push([name, (error as Error).message]))
      let runs = 0
      let finish: () => void = () => undefined
      const stop = clock.every(1_000, 'task', () => {
        runs++
        if (runs === 2) throw new Error('broken')
        return new Promise<void>((resolve) => (finish = resolve))
      })
      await vi.advanceTimersByTimeAsync(3_000)
      expect(runs).toBe(1)
      finish()
      await vi.advanceTimersByTimeAsync(1_000)
      expect([runs, reports]).toEqual([2, [['task', 'broken']]])
      await vi.advanceTimersByTimeAsync(1_000)
      expect(runs).toBe(3)
      stop()
      finish()
      await vi.advanceTimersByTimeAsync(5_000)
      expect(runs).toBe(3)
    } finally {
      vi.useRealTimers()
    }
  })

  it('office time is that of the office, wherever this runs', () => {
    expect(officeTime(Date.UTC(2026, 10, 22, 16, 0, 5))).toBe('2026-11-23 00:00:05')
  })
})

describe('selfProblems', () => {
  const stats: StoreStats = { activeSeries: 0, headSamples: 0, acceptedSamples: 0, acceptedBatches: 0, replayedBatches: 0, lateRows: 0, refusedRows: 0, logBytes: 0, chunkBytes: 0, commits: 0 }

  it('is empty when all is well, and has one sentence for each thing that is not', () => {
    expect(selfProblems(stats, [], 0)).toEqual([])
    expect(selfProblems({ ...stats, degraded: 'full', damaged: 2 }, [], 0)).toEqual(['磁盘已满：新数据无法入库，采集程序将保留并重发', '有 2 个数据块校验失败，查询结果中已略去'])
    expect(selfProblems({ ...stats, degraded: 'shortened' }, [], 0)).toEqual(['磁盘空间不足：已开始删除最早的指标'])
  })
})
