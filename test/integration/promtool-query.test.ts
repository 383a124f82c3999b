/** Debian's promtool as a client: `promtool query instant|range|series|labels` against a real collector with a token. */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningCollector, collectorAt, eventually, workFolder } from '../e2e/processes.ts'

const promtool = '/usr/bin/promtool'
const present = existsSync(promtool)
if (!present) console.log('skipped: promtool query needs /usr/bin/promtool (Debian package prometheus)')

describe.skipIf(!present)('promtool query', () => {
  const work = workFolder()
  let collector: RunningCollector
  let configured: readonly string[]

  beforeAll(async () => {
    collector = await collectorAt(join(work.path, 'collector'), 'log: warn\n')
    await collector.start()
    const file = join(work.path, 'http.yml')
    writeFileSync(file, `authorization:\n  type: Bearer\n  credentials: ${collector.first().readToken}\n`, { mode: 0o600 })
    configured = spawnSync(promtool, ['query', 'instant', '--help'], { encoding: 'utf8' }).stdout.includes('--http.config.file') ? ['--http.config.file', file] : []
    await eventually('the collector writes its own series', 40_000, async () => (await collector.query('zhishou_store_active_series')).length > 0)
  })
  afterAll(async () => {
    await collector.program().end('SIGTERM')
    work.clean()
  })

  /** The server's address; promtool without --http.config.file (2.42) signs in by the password in it. */
  const server = (): string => (configured.length > 0 ? collector.http : collector.http.replace('://', `://promtool:${collector.first().readToken}@`))
  const ask = (kind: string, ...args: string[]) => spawnSync(promtool, ['query', kind, ...configured, ...args], { encoding: 'utf8', timeout: 20_000 })

  it('instant: a vector, a scalar, JSON, and a time of its own', () => {
    const vector = ask('instant', server(), 'zhishou_store_active_series')
    expect([vector.status, vector.stderr]).toEqual([0, ''])
    expect(vector.stdout).toMatch(/^zhishou_store_active_series\{instance="collector", job="zhishou-collector"\} => \d+ @\[\d+/)
    expect(ask('instant', server(), '1 + 1').stdout).toMatch(/^scalar: 2 @\[/)
    const json = JSON.parse(ask('instant', '--format=json', '--time=1970-01-01T00:00:05Z', server(), 'vector(time())').stdout) as unknown
    expect(json).toEqual([{ metric: {}, value: [5, '5'] }])
  })

  it('range: a matrix by step', () => {
    const run = ask('range', '--format=json', '--start=100', '--end=160', '--step=30s', server(), 'vector(time())')
    expect([run.status, run.stderr]).toEqual([0, ''])
    expect(JSON.parse(run.stdout)).toEqual([{ metric: {}, values: [[100, '100'], [130, '130'], [160, '160']] }])
  })

  it('series: the label sets that match', () => {
    const run = ask('series', '--match', 'zhishou_store_active_series', '--match', '{__name__=~"zhishou_store_(chunk|log)_bytes"}', server())
    expect([run.status, run.stderr]).toEqual([0, ''])
    const found = run.stdout.trim().split('\n').sort()
    expect(found).toHaveLength(3)
    expect(run.stdout).toContain('__name__="zhishou_store_active_series"')
  })

  it('labels: the values of one', () => {
    const run = ask('labels', server(), 'job')
    expect([run.status, run.stderr]).toEqual([0, ''])
    expect(run.stdout.split('\n')).toContain('zhishou-collector')
  })

  it('a mistake is told with its place, and ends with 1', () => {
    const run = ask('instant', server(), 'sum(')
    expect(run.status).toBe(1)
    expect(run.stderr + run.stdout).toMatch(/bad_data: .*parse error/)
    expect(ask('range', '--start=0', '--end=100000', '--step=1s', server(), 'up').stderr).toMatch(/exceeded maximum resolution of 11000 points/)
  })

  it('without the token there is nothing', () => {
    const run = spawnSync(promtool, ['query', 'instant', collector.http, '1'], { encoding: 'utf8', timeout: 20_000 })
    expect(run.status).toBe(1)
    expect(run.stdout).toBe('')
  })
})
