/** Our own PromQL scripts, and Prometheus's where they lie beside the repository (they are not part of it). */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parsePoints, parseScript, runScript } from '../promql-script.ts'
import { skips } from '../promql-skips.ts'

const own = new URL('../fixtures/promql/', import.meta.url)
const shared = new URL('../../../shared/promql-tests/', import.meta.url)

function scripts(folder: URL): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.test')).sort()
}

function skipReason(file: string, line: number): string | undefined {
  return skips.find(({ cases }) => cases[file]?.includes(line))?.reason
}

describe('the script runner', () => {
  test('reads points', () => {
    expect(parsePoints('1 2+3x2 _ _x2 stale -1x1 5-1x1 NaN +Inf .5 {{schema:0 sum:1}}x1')).toEqual([
      1, 2, 5, 8, undefined, undefined, undefined, 'stale', -1, -1, 5, 4, NaN, Infinity, 0.5, 'histogram', 'histogram',
    ])
  })

  test('tells a wrong expectation', () => {
    const wrong = [
      ['m', 'm 2'], ['m', ''], ['m', 'n 1'], ['m + 1', '{} 1'], ['1', '2'], ['"a"', 'expect string "b"'], ['m', 'expect fail'],
      ['abs(m)', 'expect info\n{} 1'], ['quantile(2, m)', 'expect no_warn\n{} +Inf'],
    ]
    for (const [expr, expected] of wrong) {
      const [outcome] = runScript(`load 1m\n  m 1\n\neval instant at 0 ${expr}\n  ${expected}\n`)
      expect(outcome?.failure, expr).toBeTypeOf('string')
    }
  })

  test('splits a script into commands', () => {
    const commands = parseScript('clear\nload 5m\n  a{b="c d"} 1 2\n\n# note\neval range from 0 to 10m step 5m a\n  a{b="c d"} 1 2\n')
    expect(commands.map(({ kind }) => kind)).toEqual(['clear', 'load', 'eval'])
  })
})

describe('our own scripts', () => {
  test.each(scripts(own))('%s', (file) => {
    const outcomes = runScript(readFileSync(new URL(file, own), 'utf8'))
    expect(outcomes.length).toBeGreaterThan(0)
    const failures = outcomes.filter(({ failure }) => failure !== undefined).map((outcome) => `${file}:${outcome.case.line}: ${outcome.case.expr}: ${outcome.failure}`)
    expect(failures).toEqual([])
  })
})

const there = existsSync(shared)
if (!there) console.log(`Prometheus's test scripts are not at ${shared.pathname}: skipped`)

describe.skipIf(!there)("Prometheus's scripts", () => {
  test('every case passes but the listed ones, and those do not', () => {
    const failures: string[] = []
    let passed = 0
    let skipped = 0
    for (const file of scripts(shared)) {
      for (const { case: one, failure } of runScript(readFileSync(new URL(file, shared), 'utf8'))) {
        const reason = skipReason(file, one.line)
        if (failure === undefined) passed += 1
        if (reason !== undefined) skipped += 1
        if (failure !== undefined && reason === undefined) failures.push(`${file}:${one.line}: ${one.expr}: ${failure}`)
        if (failure === undefined && reason !== undefined) failures.push(`${file}:${one.line}: ${one.expr}: passes, take it off the list`)
      }
    }
    console.log(`Prometheus's scripts: ${passed} cases pass, ${skipped} skipped`)
    expect(failures).toEqual([])
    expect(passed).toBeGreaterThanOrEqual(790)
  })
})
