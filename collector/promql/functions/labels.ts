/** Functions that change labels or order rows by them. */
import { RE2JS } from 're2js'
import { METRIC_NAME } from '../../../protocol/series.ts'
import { takeRows, type Block } from '../block.ts'
import type { Context, Result } from '../context.ts'
import { EvaluationError } from '../errors.ts'
import { refuseDuplicateRows } from '../finish.ts'
import { compareLabels, newRow, withLabel, type Row } from '../rows.ts'
import { quote } from '../strings.ts'
import type { Call } from '../syntax.ts'
import { argument, argumentText } from './arguments.ts'
import { whole, type FunctionBody, type FunctionTable } from './function.ts'

function checkLabelName(name: string, call: string): void {
  if (name === '' || !name.isWellFormed()) throw new EvaluationError('execution', `invalid label name in ${call}(): ${quote(name)}`)
}

/** Longest value a query may make, UTF-16 units: nested calls would double it until the process has no memory or time left. */
const MAX_LABEL = 8_192

/** Sets one label of every row to what `value` says (undefined: as it was). */
function relabel(context: Context, block: Block, label: string, value: (row: Row) => string | undefined): Result {
  const drops = block.drops.slice()
  const rows = block.rows.map((row, index) => {
    context.tick(1_000)
    const text = value(row)
    if (text === undefined) return row
    if (text.length > MAX_LABEL) throw new EvaluationError('limit', `label ${quote(label)} would have ${text.length} characters, more than ${MAX_LABEL}`)
    if (label === METRIC_NAME) drops[index] = 0
    return newRow(withLabel(row.labels, label, text))
  })
  const out = { ...block, rows, drops }
  refuseDuplicateRows(out)
  return { kind: 'vector', block: out }
}

/** Go's Regexp.Expand: `$1`, `$name`, `${name}`, `$$`; a group that is not there gives nothing. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(/\$(\$|\{(\w+)\}|(\w+))/g, (_, all: string, braced: string | undefined, plain: string | undefined) =>
    all === '$' ? '$' : group(braced ?? plain ?? ''))
}

function labelReplace(call: Call, context: Context): Result {
  const block = context.vector(argument(call, 0))
  const target = argumentText(call, 1, context)
  const template = argumentText(call, 2, context)
  const source = argumentText(call, 3, context)
  const regex = compile(argumentText(call, 4, context))
  checkLabelName(target, 'label_replace')
  return relabel(context, block, target, (row) => {
    const match = regex.matcher(row.labels[source] ?? '')
    if (!match.matches()) return undefined
    const names = regex.namedGroups()
    return expand(template, (name) => {
      const index = /^\d+$/.test(name) ? Number(name) : names[name]
      return index === undefined || index > match.groupCount() ? '' : (match.group(index) ?? '')
    })
  })
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL)
  } catch (cause) {
    const error = new EvaluationError('execution', `invalid regular expression in label_replace(): ${pattern}`)
    error.cause = cause
    throw error
  }
}

function labelJoin(call: Call, context: Context): Result {
  const block = context.vector(argument(call, 0))
  const target = argumentText(call, 1, context)
  const separator = argumentText(call, 2, context)
  const sources = call.args.slice(3).map((arg) => context.string(arg))
  for (const source of sources) {
    if (source === '' || !source.isWellFormed()) throw new EvaluationError('execution', `invalid source label name in label_join(): ${quote(source)}`)
  }
  checkLabelName(target, 'label_join')
  return relabel(context, block, target, (row) => sources.map((source) => row.labels[source] ?? '').join(separator))
}

const ineffective = 'sort is ineffective for range queries since results are always ordered by labels'

/** Orders rows at a single step; over a range it only warns, as results are ordered by labels there. */
function ordered(compare: (call: Call, context: Context, block: Block) => (a: number, b: number) => number): FunctionBody {
  return whole((call, context) => {
    const block = context.vector(argument(call, 0))
    if (context.query.stepMs !== 0) context.notes.warn(ineffective, call.span)
    if (context.steps !== 1) return { kind: 'vector', block }
    const order = block.rows.map((_, index) => index).sort(compare(call, context, block))
    return { kind: 'vector', block: takeRows(block, order) }
  })
}

/** By value, NaN last either way. */
function byValue(sign: 1 | -1): FunctionBody {
  return ordered((_, __, { values }) => (a, b) => {
    const x = values[a] ?? NaN
    const y = values[b] ?? NaN
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1
    if (Number.isNaN(y)) return -1
    return x === y ? 0 : sign * (x < y ? -1 : 1)
  })
}

/** Runs of digits compare as numbers, the rest as text. */
function compareNatural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? []
  const right = b.match(/\d+|\D+/g) ?? []
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const x = left[index] ?? ''
    const y = right[index] ?? ''
    const numeric = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : 0
    if (numeric !== 0) return numeric
    if (x !== y && !(/^\d/.test(x) && /^\d/.test(y))) return x < y ? -1 : 1
  }
  return left.length - right.length
}

function byLabels(sign: 1 | -1): FunctionBody {
  return ordered((call, context, { rows }) => {
    const names = call.args.slice(1).map((arg) => context.string(arg))
    return (a, b) => {
      const left = rows[a]?.labels ?? {}
      const right = rows[b]?.labels ?? {}
      for (const name of names) {
        const order = compareNatural(left[name] ?? '', right[name] ?? '')
        if (order !== 0) return sign * order
      }
      return sign * compareLabels(left, right)
    }
  })
}

export const labelFunctions: FunctionTable = {
  label_replace: whole(labelReplace),
  label_join: whole(labelJoin),
  sort: byValue(1),
  sort_desc: byValue(-1),
  sort_by_label: byLabels(1),
  sort_by_label_desc: byLabels(-1),
}
