import { commandText, operandText, pipeText } from './node.ts'
import type { Command, Node, Operand, Pipe, Tree } from './node.ts'
import { show } from './print.ts'
import { isTrue, typeName } from './value.ts'
import type { Value } from './value.ts'

/** A function a template may call. Throws an Error whose message is Go's; the evaluator adds where. */
export type TemplateFunction = (args: readonly Value[]) => Value

/** A template that failed while it ran; `context` is the node as Go prints it. */
export class TemplateExecutionError extends Error {
  override readonly name = 'TemplateExecutionError'
  readonly at: number
  readonly context: string
  constructor(message: string, at: number, context: string, cause?: unknown) {
    super(message, { cause })
    this.at = at
    this.context = context
  }
}

/** What `.` is: the fields of Prometheus's template data, or any value inside with and range. */
export type Dot = Value | { readonly kind: 'data'; readonly fields: ReadonlyMap<string, Value> }

/** Templates that expand to more than this are a mistake; it also bounds loops within loops. */
const longestText = 1 << 20
const mostSteps = 100_000
const deepestCall = 50

interface State {
  readonly tree: Tree
  readonly functions: ReadonlyMap<string, TemplateFunction>
  readonly variables: [string, Dot][]
  out: string
  steps: number
  depth: number
}

type Flow = 'next' | 'break' | 'continue'

/** Runs a parsed template. Throws TemplateExecutionError. */
export function runTemplate(tree: Tree, functions: ReadonlyMap<string, TemplateFunction>, data: Dot): string {
  const state: State = { tree, functions, variables: [['$', data]], out: '', steps: 0, depth: 0 }
  runList(state, tree.nodes, data)
  return state.out
}

function runList(state: State, nodes: readonly Node[], dot: Dot): Flow {
  for (const node of nodes) {
    const flow = runNode(state, node, dot)
    if (flow !== 'next') return flow
  }
  return 'next'
}

function runNode(state: State, node: Node, dot: Dot): Flow {
  if (++state.steps > mostSteps) throw new TemplateExecutionError('template runs too long', node.at, '')
  switch (node.kind) {
    case 'text':
      write(state, node.text, node.at)
      return 'next'
    case 'action': {
      const value = runPipe(state, node.pipe, dot)
      if (node.pipe.declares.length === 0) write(state, printed(value), node.at)
      return 'next'
    }
    case 'branch': return node.word === 'range' ? runRange(state, node, dot) : runIf(state, node, dot)
    case 'jump': return node.word
    case 'template': {
      const body = state.tree.defined.get(node.name)
      if (body === undefined) throw new TemplateExecutionError(`template "${node.name}" not defined`, node.at, `{{template "${node.name}"}}`)
      if (++state.depth > deepestCall) throw new TemplateExecutionError('exceeded maximum template depth', node.at, `{{template "${node.name}"}}`)
      const inner = node.pipe === undefined ? undefined : runPipe(state, node.pipe, dot)
      const outer = state.variables.splice(0, state.variables.length, ['$', inner])
      runList(state, body, inner)
      state.variables.splice(0, state.variables.length, ...outer)
      state.depth--
      return 'next'
    }
  }
}

function write(state: State, text: string, at: number): void {
  if (state.out.length + text.length > longestText) throw new TemplateExecutionError('template result too long', at, '')
  state.out += text
}

/** What an action prints: nothing at all is `<no value>`. */
function printed(value: Dot): string {
  if (value === undefined) return '<no value>'
  return show(plain(value))
}

/** The data struct as a plain value, for printing and for functions: Go's `{map[…] map[…] url 1}`. */
function plain(value: Dot): Value {
  if (typeof value !== 'object' || value.kind !== 'data') return value
  return `{${[...value.fields.values()].map(show).join(' ')}}`
}

type Branch = Extract<Node, { kind: 'branch' }>

function runIf(state: State, node: Branch, dot: Dot): Flow {
  const scope = state.variables.length
  const value = runPipe(state, node.pipe, dot)
  const holds = typeof value === 'object' && value.kind === 'data' ? true : isTrue(value)
  const flow = holds ? runList(state, node.body, node.word === 'with' ? value : dot) : runList(state, node.otherwise, dot)
  state.variables.length = scope
  return flow
}

function runRange(state: State, node: Branch, dot: Dot): Flow {
  const scope = state.variables.length
  const value = runPipe(state, { ...node.pipe, declares: [] }, dot)
  const rows = rangeRows(value, node)
  for (const [key, item] of rows) {
    const [first, second] = node.pipe.declares
    if (second !== undefined) {
      bind(state, first ?? '', key, node.pipe.assigns)
      bind(state, second, item, node.pipe.assigns)
    } else if (first !== undefined) bind(state, first, item, node.pipe.assigns)
    const flow = runList(state, node.body, item)
    state.variables.length = scope
    if (flow === 'break') break
  }
  if (rows.length === 0) runList(state, node.otherwise, dot)
  state.variables.length = scope
  return 'next'
}

function rangeRows(value: Dot, node: Branch): readonly (readonly [Value, Value])[] {
  if (value === undefined) return []
  if (typeof value === 'object' && value.kind === 'list') return value.items.map((item, index) => [BigInt(index), item])
  if (typeof value === 'object' && value.kind === 'map') {
    return [...value.entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }
  throw new TemplateExecutionError(`range can't iterate over ${show(plain(value))}`, node.pipe.at, pipeText(node.pipe))
}

function bind(state: State, name: string, value: Dot, assigns: boolean): void {
  if (assigns) {
    const existing = state.variables.findLast(([known]) => known === name)
    if (existing !== undefined) {
      existing[1] = value
      return
    }
  }
  state.variables.push([name, value])
}

function runPipe(state: State, pipe: Pipe, dot: Dot): Dot {
  let value: Dot = undefined
  pipe.commands.forEach((command, index) => {
    value = runCommand(state, command, dot, index === 0 ? [] : [value])
  })
  for (const name of pipe.declares) bind(state, name, value, pipe.assigns)
  return value
}

/** `last` holds the value piped in, or nothing. */
function runCommand(state: State, command: Command, dot: Dot, last: readonly Dot[]): Dot {
  const [first, ...rest] = command.args
  if (first.kind === 'function') return call(state, first, command, rest, dot, last)
  if (rest.length + last.length > 0) {
    const what = first.kind === 'pipe' || first.kind === 'literal' || first.kind === 'dot' || first.kind === 'nil'
      ? `can't give argument to non-function ${operandText(first)}`
      : `${chainEnd(first)} is not a method but has arguments`
    throw new TemplateExecutionError(what, first.at, operandText(first))
  }
  if (first.kind === 'nil') throw new TemplateExecutionError('nil is not a command', first.at, 'nil')
  return operandValue(state, first, dot)
}

function chainEnd(operand: Operand): string {
  if (operand.kind === 'field' || operand.kind === 'variable') return operand.chain[operand.chain.length - 1] ?? operandText(operand)
  return operandText(operand)
}

function call(
  state: State, named: Extract<Operand, { kind: 'function' }>, command: Command, args: readonly Operand[], dot: Dot, last: readonly Dot[],
): Dot {
  if (++state.steps > mostSteps) throw new TemplateExecutionError('template runs too long', named.at, named.name)
  // and, or stop at the first argument that decides.
  if (named.name === 'and' || named.name === 'or') return shortCircuit(state, named, args, dot, last)
  const values = [...args.map((arg) => operandValue(state, arg, dot)), ...last].map(plain)
  const run = state.functions.get(named.name)
  if (run === undefined) throw new TemplateExecutionError(`"${named.name}" is not a defined function`, named.at, named.name)
  try {
    return run(values)
  } catch (error) {
    if (error instanceof TemplateExecutionError) throw error
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof ArgumentError) throw argumentFailure(error, named, args)
    throw new TemplateExecutionError(`error calling ${named.name}: ${message}`, named.at, commandText(command), error)
  }
}

/** Arguments that do not fit the function: too many or too few (`wrong` undefined), or one of the wrong type. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
  readonly wrong: { readonly index: number; readonly expected: string } | undefined
  constructor(message: string, wrong: { readonly index: number; readonly expected: string } | undefined) {
    super(message)
    this.wrong = wrong
  }
}

/** Go words it by where the argument comes from: a constant of the text, a value, or the pipeline before. */
function argumentFailure(error: ArgumentError, named: Operand & { readonly name: string }, args: readonly Operand[]): TemplateExecutionError {
  const operand = error.wrong === undefined ? undefined : args[error.wrong.index]
  if (error.wrong === undefined || operand === undefined) return new TemplateExecutionError(error.message, named.at, named.name, error)
  const { expected } = error.wrong
  const text = operandText(operand)
  let message = error.message
  if (operand.kind === 'nil') message = `cannot assign nil to ${expected}`
  else if (operand.kind === 'literal') message = expected === 'string' ? `expected string; found ${text}` : `can't handle ${text} for arg of type ${expected}`
  return new TemplateExecutionError(message, operand.at, text, error)
}

function shortCircuit(state: State, named: Extract<Operand, { kind: 'function' }>, args: readonly Operand[], dot: Dot, last: readonly Dot[]): Dot {
  if (args.length + last.length === 0) {
    throw new TemplateExecutionError(`wrong number of args for ${named.name}: want at least 1 got 0`, named.at, named.name)
  }
  let value: Dot = undefined
  for (const arg of args) {
    value = operandValue(state, arg, dot)
    if (isTrue(plain(value)) === (named.name === 'or')) return value
  }
  return last.length > 0 ? last[0] : value
}

function operandValue(state: State, operand: Operand, dot: Dot): Dot {
  switch (operand.kind) {
    case 'dot': return dot
    case 'nil': return undefined
    case 'literal': return operand.value
    case 'field': return follow(dot, operand.chain, operand)
    case 'variable': return follow(state.variables.findLast(([name]) => name === operand.name)?.[1], operand.chain, operand)
    case 'pipe': return follow(runPipe(state, operand.pipe, dot), operand.chain, operand)
    case 'function': return call(state, operand, { args: [operand], at: operand.at }, [], dot, [])
  }
}

function follow(start: Dot, chain: readonly string[], operand: Operand): Dot {
  let value = start
  for (const name of chain) value = field(value, name, operand)
  return value
}

function field(value: Dot, name: string, operand: Operand): Dot {
  const fail = (message: string): never => {
    throw new TemplateExecutionError(message, operand.at, operandText(operand))
  }
  if (value === undefined) return fail(`nil data; no entry for key "${name}"`)
  if (typeof value !== 'object') return fail(`can't evaluate field ${name} in type ${typeName(value)}`)
  switch (value.kind) {
    case 'map': return value.entries.has(name) ? value.entries.get(name) : value.zero
    case 'data':
      if (!value.fields.has(name)) fail(`can't evaluate field ${name} in type struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value float64 }`)
      return value.fields.get(name)
    case 'sample':
      if (name === 'Labels') return value.labels
      if (name === 'Value') return value.value
      return fail(`can't evaluate field ${name} in type *template.sample`)
    case 'list':
    case 'time':
    case 'duration': return fail(`can't evaluate field ${name} in type ${typeName(value)}`)
  }
}
