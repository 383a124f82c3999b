/**
 * Runs test scripts in the format of Prometheus's promqltest package:
 *
 *     load 5m
 *       metric{a="b"} 1 2+3x2 _ _x5 stale
 *     eval instant at 50m metric + 1
 *       expect no_warn
 *       {a="b"} 9
 *
 * Native histograms (`{{…}}`, load_with_nhcb's extra series) are read over: their samples are as if not there.
 */
import { EvaluationError, ParseError } from '../collector/promql/errors.ts'
import { evaluateInstant, evaluateRange } from '../collector/promql/evaluate.ts'
import { parseDuration, parseNumber } from '../collector/promql/numbers.ts'
import { parse } from '../collector/promql/parse.ts'
import type { Value } from '../collector/promql/value.ts'
import type { Labels } from '../protocol/series.ts'
import { seriesKey, seriesText } from '../protocol/series.ts'
import { MemoryQuerier } from './memory-querier.ts'

/** One point of a series line: a number, 'stale', a gap, or a native histogram. */
export type Point = number | 'stale' | 'histogram' | undefined

interface Expectation {
  readonly kind: 'fail' | 'warn' | 'no_warn' | 'info' | 'no_info' | 'ordered'
  readonly msg: string | undefined
  readonly regex: string | undefined
}

interface Line {
  readonly labels: Labels
  readonly points: readonly Point[]
}

export interface Case {
  /** Line of the `eval`, from 1. */
  readonly line: number
  readonly expr: string
  readonly when: { readonly kind: 'instant'; readonly atMs: number } | { readonly kind: 'range'; readonly startMs: number; readonly endMs: number; readonly stepMs: number }
  readonly expectations: readonly Expectation[]
  /** `expect range vector from … to … step …`. */
  readonly grid: { readonly startMs: number; readonly stepMs: number } | undefined
  readonly text: string | undefined
  readonly scalar: number | undefined
  readonly lines: readonly Line[]
}

export type Command =
  | { readonly kind: 'clear' }
  | { readonly kind: 'load'; readonly stepMs: number; readonly lines: readonly Line[] }
  | { readonly kind: 'eval'; readonly case: Case }

function duration(text: string): number {
  const seconds = /^-?[\d.]+$/.test(text) ? Number(text) : undefined
  const ms = seconds === undefined ? parseDuration(text) : seconds * 1000
  if (typeof ms === 'string') throw new Error(`script: ${ms}`)
  return ms
}

/** `1 2+3x2 _ _x5 stale`; `axn` is a value n + 1 times, `a+bxn` n more with b added each time. */
export function parsePoints(text: string): Point[] {
  const out: Point[] = []
  for (const word of text.match(/\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x\d+)?|\S+/g) ?? []) {
    const histogram = /^\{\{.*\}\}(?:x(\d+))?$/.exec(word)
    const gap = /^_(?:x(\d+))?$/.exec(word)
    const run = /^([+-]?(?:[\d.]+(?:e[+-]?\d+)?|inf|nan))([+-](?:[\d.]+(?:e[+-]?\d+)?|inf))?x(\d+)$/i.exec(word)
    if (word === 'stale') out.push('stale')
    else if (histogram !== null) for (let index = 0; index <= Number(histogram[1] ?? 0); index++) out.push('histogram')
    else if (gap !== null) for (let index = 0; index < Number(gap[1] ?? 1); index++) out.push(undefined)
    else if (run !== null) {
      let value = number(run[1] ?? '')
      for (let index = 0; index <= Number(run[3]); index++) {
        out.push(value)
        value += run[2] === undefined ? 0 : number(run[2])
      }
    } else out.push(number(word))
  }
  return out
}

function number(text: string): number {
  const value = parseNumber(text)
  if (value === undefined) throw new Error(`script: ${text} is no number`)
  return value
}

function parseLine(text: string): Line {
  const close = text.indexOf('{') >= 0 && /^[^\s{]*\s*\{(?!\{)/.test(text) ? closingBrace(text) : text.search(/\s/)
  const selector = text.slice(0, close)
  const expr = selector.replace(/\s/g, '') === '{}' ? undefined : parse(selector)
  const labels: Record<string, string> = {}
  if (expr?.kind === 'vector') for (const matcher of expr.matchers) labels[matcher.name] = matcher.value
  for (const [name, value] of Object.entries(labels)) if (value === '') delete labels[name]
  return { labels, points: parsePoints(text.slice(close)) }
}

function closingBrace(text: string): number {
  let quoted = ''
  for (let index = text.indexOf('{'); index < text.length; index++) {
    const character = text.charAt(index)
    if (quoted !== '') {
      if (character === '\\' && quoted !== '`') index += 1
      else if (character === quoted) quoted = ''
    } else if ('"\'`'.includes(character)) quoted = character
    else if (character === '}') return index + 1
  }
  throw new Error(`script: no closing brace in ${text}`)
}

/** Splits a script into its commands. */
export function parseScript(script: string): readonly Command[] {
  const lines = script.split('\n').map((line) => line.trim())
  const commands: Command[] = []
  let at = 0
  const block = (): string[] => {
    const body: string[] = []
    while (at < lines.length && lines[at] !== '') {
      const line = lines[at]!
      if (!line.startsWith('#')) body.push(line)
      at += 1
    }
    return body
  }
  while (at < lines.length) {
    const line = lines[at]!
    const number = at + 1
    at += 1
    if (line === '' || line.startsWith('#')) continue
    const load = /^load(?:_with_nhcb)?\s+(\S+)$/.exec(line)
    if (line === 'clear') commands.push({ kind: 'clear' })
    else if (load !== null) commands.push({ kind: 'load', stepMs: duration(load[1]!), lines: block().map(parseLine) })
    else commands.push({ kind: 'eval', case: parseCase(number, line, block()) })
  }
  return commands
}

function parseCase(line: number, head: string, body: readonly string[]): Case {
  const instant = /^eval(?:_(\w+))?\s+instant\s+(?:at\s+(\S+))?\s+(.*)$/.exec(head)
  const range = /^eval(?:_(\w+))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.*)$/.exec(head)
  if (instant === null && range === null) throw new Error(`script line ${line}: ${head}`)
  const prefix = instant?.[1] ?? range?.[1]
  const expectations: Expectation[] = prefix === undefined ? [] : [expectation(prefix)]
  let grid: Case['grid']
  let text: string | undefined
  let scalar: number | undefined
  const lines: Line[] = []
  for (const row of body) {
    const expected = /^expect\s+(\w+)\s*(.*)$/s.exec(row)
    if (expected !== null) {
      const [, kind = '', rest = ''] = expected
      const vector = /^vector\s+from\s+(\S+)\s+to\s+\S+\s+step\s+(\S+)$/.exec(rest)
      if (kind === 'range' && vector !== null) grid = { startMs: duration(vector[1]!), stepMs: duration(vector[2]!) }
      else if (kind === 'string') text = rest.startsWith('"') ? (JSON.parse(rest) as string) : rest.slice(1, -1)
      else expectations.push(expectation(kind, rest))
    } else if (/^[+-]?(\d|\.\d|inf|nan)\S*$/i.test(row)) scalar = number(row)
    else lines.push(parseLine(row))
  }
  const when: Case['when'] = range === null
    ? { kind: 'instant', atMs: duration(instant![2] ?? '0') }
    : { kind: 'range', startMs: duration(range[2]!), endMs: duration(range[3]!), stepMs: duration(range[4]!) }
  return { line, expr: (range?.[5] ?? instant![3]!).trim(), when, expectations, grid, text, scalar, lines }
}

function expectation(kind: string, rest = ''): Expectation {
  if (kind !== 'fail' && kind !== 'warn' && kind !== 'no_warn' && kind !== 'info' && kind !== 'no_info' && kind !== 'ordered') {
    throw new Error(`script: unknown expectation ${kind}`)
  }
  return { kind, msg: /^msg:\s*(.*)$/s.exec(rest)?.[1], regex: /^regex:\s*(.*)$/s.exec(rest)?.[1] }
}

/** Outcome of one case: undefined when it passed, else what went wrong. */
export interface Outcome {
  readonly case: Case
  readonly failure: string | undefined
}

/** Runs a script from an empty store. */
export function runScript(script: string): readonly Outcome[] {
  const querier = new MemoryQuerier()
  const outcomes: Outcome[] = []
  for (const command of parseScript(script)) {
    if (command.kind === 'clear') querier.clear()
    else if (command.kind === 'load') load(querier, command.lines, command.stepMs)
    else outcomes.push({ case: command.case, failure: judge(command.case, querier) })
  }
  return outcomes
}

function load(querier: MemoryQuerier, lines: readonly Line[], stepMs: number): void {
  for (const { labels, points } of lines) {
    querier.add(labels, points.flatMap((point, index) => (point === undefined || point === 'histogram' ? [] : [[index * stepMs, point] as const])))
  }
}

function judge(test: Case, querier: MemoryQuerier): string | undefined {
  const fail = test.expectations.find(({ kind }) => kind === 'fail')
  let value: Value
  try {
    const expr = parse(test.expr, { experimental: true })
    value = test.when.kind === 'instant'
      ? evaluateInstant(expr, querier, test.when.atMs)
      : evaluateRange(expr, querier, test.when.startMs, test.when.endMs, test.when.stepMs)
  } catch (error) {
    if (!(error instanceof ParseError) && !(error instanceof EvaluationError)) throw error
    if (fail === undefined) return `failed: ${error.message}`
    return told([error.message], fail) ? undefined : `failed with: ${error.message}`
  }
  if (fail !== undefined) return 'did not fail'
  return judgeNotes(test, value) ?? judgeValue(test, value) ?? judgeAgain(test, value, querier)
}

function told(texts: readonly string[], { msg, regex }: Expectation): boolean {
  if (msg !== undefined) return texts.includes(msg)
  if (regex !== undefined) return texts.some((text) => new RegExp(regex).test(text))
  return texts.length > 0
}

function judgeNotes(test: Case, value: Value): string | undefined {
  for (const expected of test.expectations) {
    const texts = expected.kind.endsWith('warn') ? value.warnings : value.infos
    if ((expected.kind === 'warn' || expected.kind === 'info') && !told(texts, expected)) return `${expected.kind}: got ${JSON.stringify(texts)}`
    if ((expected.kind === 'no_warn' || expected.kind === 'no_info') && texts.length > 0) return `${expected.kind}: got ${JSON.stringify(texts)}`
  }
  return undefined
}

/** Equal within 1e-6 relative; NaN equals NaN. */
function close(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  return a === b || Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) || Math.abs(a - b) < 2.3e-308
}

function judgeValue(test: Case, value: Value): string | undefined {
  if (test.text !== undefined) return value.kind === 'string' && value.value === test.text ? undefined : `expected the string ${test.text}`
  if (value.kind === 'string') return 'unexpected string'
  if (test.scalar !== undefined) return value.kind === 'scalar' && close(value.value, test.scalar) ? undefined : `expected ${test.scalar}, got ${show(value)}`
  if (value.kind === 'scalar') return `expected a vector, got ${show(value)}`
  const grid = test.when.kind === 'range' ? test.when : test.grid
  if (value.kind === 'vector') return judgeVector(test, value)
  if (grid === undefined) return `expected a vector, got ${show(value)}`
  return judgeMatrix(test, value, grid)
}

function judgeVector(test: Case, value: Value & { kind: 'vector' }): string | undefined {
  const { samples } = value
  const ordered = test.expectations.some(({ kind }) => kind === 'ordered')
  if (samples.length !== test.lines.length) return `expected ${test.lines.length} samples, got ${show(value)}`
  for (const [index, { labels, points }] of test.lines.entries()) {
    const found = ordered ? samples[index] : samples.find((sample) => seriesKey(sample.labels) === seriesKey(labels))
    if (found === undefined || seriesKey(found.labels) !== seriesKey(labels)) return `expected ${seriesText(labels)}, got ${show(value)}`
    const [point] = points
    if (typeof point !== 'number' || !close(found.value, point)) return `${seriesText(labels)}: expected ${point}, got ${found.value}`
  }
  return undefined
}

function judgeMatrix(test: Case, value: Value & { kind: 'matrix' }, { startMs, stepMs }: { startMs: number; stepMs: number }): string | undefined {
  if (value.series.length !== test.lines.length) return `expected ${test.lines.length} series, got ${show(value)}`
  for (const { labels, points } of test.lines) {
    const found = value.series.find((series) => seriesKey(series.labels) === seriesKey(labels))
    if (found === undefined) return `expected ${seriesText(labels)}, got ${show(value)}`
    const wanted = points.flatMap((point, index) => (point === undefined ? [] : [[startMs + index * stepMs, point] as const]))
    if (wanted.length !== found.times.length) return `${seriesText(labels)}: expected ${wanted.length} points, got ${show(value)}`
    for (const [index, [time, point]] of wanted.entries()) {
      if (found.times[index] !== time || typeof point !== 'number' || !close(found.values[index]!, point)) {
        return `${seriesText(labels)}: expected ${point} at ${time}, got ${found.values[index]} at ${found.times[index]}`
      }
    }
  }
  return undefined
}

/** Instant queries again as the middle step of a range query, as Prometheus's own runner does. */
function judgeAgain(test: Case, value: Value, querier: MemoryQuerier): string | undefined {
  if (test.when.kind !== 'instant' || value.kind === 'string' || value.kind === 'matrix') return undefined
  if (/\b(start|end|step|range)\s*\(/.test(test.expr)) return undefined
  const { atMs } = test.when
  let range: Value
  try {
    range = evaluateRange(parse(test.expr, { experimental: true }), querier, atMs - 60_000, atMs + 60_000, 60_000)
  } catch (error) {
    // Another of the three steps may have what fails.
    if (error instanceof EvaluationError) return undefined
    throw error
  }
  if (range.kind !== 'matrix') return 'range query gave no matrix'
  const at = new Map(range.series.flatMap(({ labels, times, values }) => {
    const index = times.indexOf(atMs)
    return index < 0 ? [] : [[seriesKey(labels), values[index]!] as const]
  }))
  const samples = value.kind === 'scalar' ? [{ labels: {}, value: value.value }] : value.samples
  if (at.size !== samples.length) return `as a range query: ${at.size} series instead of ${samples.length}`
  for (const sample of samples) {
    const found = at.get(seriesKey(sample.labels))
    if (found === undefined || !close(found, sample.value)) return `as a range query: ${seriesText(sample.labels)} is ${found} instead of ${sample.value}`
  }
  return undefined
}

function show(value: Value): string {
  switch (value.kind) {
    case 'scalar':
    case 'string':
      return String(value.value)
    case 'vector':
      return value.samples.map(({ labels, value: one }) => `${seriesText(labels)} ${one}`).join('; ').slice(0, 400) || 'nothing'
    case 'matrix':
      return value.series.map(({ labels, values, times }) => `${seriesText(labels)} ${[...values].map((one, index) => `${one}@${times[index]}`).join(' ')}`).join('; ').slice(0, 400) || 'nothing'
  }
}
