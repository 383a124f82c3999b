import { unquote } from '../../promql/strings.ts'
import { lex, TemplateSyntaxError } from './lex.ts'
import type { Token } from './lex.ts'
import type { Command, Node, Operand, Pipe, Tree } from './node.ts'

/** Nested deeper than this is no text for a person; it also bounds the parser's recursion. */
const deepest = 100

interface State {
  readonly tokens: readonly Token[]
  next: number
  /** Variables in scope, innermost last. */
  readonly variables: string[]
  readonly functions: ReadonlySet<string>
  readonly defined: Map<string, readonly Node[]>
  loops: number
  depth: number
}

/**
 * Parses a Go template. Unknown functions and variables are errors here, as in Go.
 * Throws TemplateSyntaxError with Go's message.
 */
export function parseTemplate(text: string, functions: ReadonlySet<string>): Tree {
  const state: State = { tokens: lex(text), next: 0, variables: ['$'], functions, defined: new Map(), loops: 0, depth: 0 }
  const { nodes, stop } = parseList(state, true)
  if (stop !== 'eof') throw new TemplateSyntaxError(`unexpected {{${stop}}}`, here(state))
  return { nodes, defined: state.defined }
}

type Stop = 'end' | 'else' | 'eof'

function parseList(state: State, top: boolean): { readonly nodes: readonly Node[]; readonly stop: Stop } {
  const nodes: Node[] = []
  for (;;) {
    const token = take(state)
    if (token.kind === 'end') {
      if (!top) throw new TemplateSyntaxError('unexpected EOF', token.at)
      return { nodes, stop: 'eof' }
    }
    if (token.kind === 'text') {
      nodes.push({ kind: 'text', text: token.text, at: token.at })
      continue
    }
    const word = peekSolid(state)
    if (word.kind !== 'keyword') {
      const pipe = parsePipe(state, 'command', 'right')
      nodes.push({ kind: 'action', pipe, at: word.at })
      continue
    }
    takeSolid(state)
    if (word.text === 'end') {
      expectRight(state, 'end')
      return { nodes, stop: 'end' }
    }
    if (word.text === 'else') return { nodes, stop: 'else' }
    const node = parseKeyword(state, word, top)
    if (node !== undefined) nodes.push(node)
  }
}

function parseKeyword(state: State, word: Token, top: boolean): Node | undefined {
  switch (word.text) {
    case 'if':
    case 'with':
    case 'range':
      return parseBranch(state, word.text, word.at)
    case 'break':
    case 'continue':
      if (state.loops === 0) throw new TemplateSyntaxError(`{{${word.text}}} outside {{range}}`, word.at)
      expectRight(state, word.text)
      return { kind: 'jump', word: word.text, at: word.at }
    case 'template': return parseInvocation(state)
    case 'define':
      if (!top) throw new TemplateSyntaxError('unexpected {{define}}', word.at)
      parseDefinition(state, 'define clause')
      return undefined
    default: return parseBlock(state, word.at)
  }
}

function parseBranch(state: State, word: 'if' | 'with' | 'range', at: number): Node {
  if (++state.depth > deepest) throw new TemplateSyntaxError('template nested too deeply', at)
  const scope = state.variables.length
  const pipe = parsePipe(state, word, 'right')
  if (word === 'range') state.loops++
  const then = parseList(state, false)
  if (word === 'range') state.loops--
  let otherwise: readonly Node[] = []
  if (then.stop === 'else') {
    const next = peekSolid(state)
    if (next.kind === 'keyword' && next.text === word && word !== 'range') {
      // `{{else if x}}…{{end}}` is `{{else}}{{if x}}…{{end}}{{end}}`; one end closes both.
      takeSolid(state)
      otherwise = [parseBranch(state, word, next.at)]
    } else {
      expectRight(state, 'else')
      const rest = parseList(state, false)
      if (rest.stop !== 'end') throw new TemplateSyntaxError('expected end; found {{else}}', here(state))
      otherwise = rest.nodes
    }
  }
  state.variables.length = scope
  state.depth--
  return { kind: 'branch', word, pipe, body: then.nodes, otherwise, at }
}

function parseInvocation(state: State): Node {
  const nameAt = peekSolid(state).at
  const name = parseName(state, 'template clause')
  if (peekSolid(state).kind === 'right') {
    takeSolid(state)
    return { kind: 'template', name, pipe: undefined, at: nameAt }
  }
  return { kind: 'template', name, pipe: parsePipe(state, 'template clause', 'right'), at: nameAt }
}

function parseBlock(state: State, at: number): Node {
  const name = parseName(state, 'block clause')
  const pipe = parsePipe(state, 'block clause', 'right')
  parseBody(state, name, 'block clause')
  return { kind: 'template', name, pipe, at }
}

function parseDefinition(state: State, context: string): void {
  const name = parseName(state, context)
  expectRight(state, context)
  parseBody(state, name, context)
}

/** A defined template's own text: it sees no variables from outside but `$`. */
function parseBody(state: State, name: string, context: string): void {
  if (++state.depth > deepest) throw new TemplateSyntaxError('template nested too deeply', here(state))
  const outer = state.variables.splice(0, state.variables.length, '$')
  const body = parseList(state, false)
  if (body.stop !== 'end') throw new TemplateSyntaxError(`unexpected {{else}} in ${context}`, here(state))
  state.variables.splice(0, state.variables.length, ...outer)
  state.depth--
  state.defined.set(name, body.nodes)
}

function parseName(state: State, context: string): string {
  const token = takeSolid(state)
  if (token.kind !== 'string') throw unexpected(token, context)
  return unquote(token.text)
}

function parsePipe(state: State, context: string, end: 'right' | 'close'): Pipe {
  const first = peekSolid(state)
  const { names, assigns } = parseDeclarations(state, context)
  const commands: Command[] = []
  for (;;) {
    const token = takeSolid(state)
    if (token.kind === end) {
      checkPipe(commands, context, token.at)
      // A variable is in scope from after its own pipeline.
      if (!assigns) state.variables.push(...names)
      return { declares: names, assigns, commands, at: first.at }
    }
    if (!startsOperand(token)) throw unexpected(token, context)
    state.next--
    commands.push(parseCommand(state))
  }
}

function checkPipe(commands: readonly Command[], context: string, at: number): void {
  if (commands.length === 0) throw new TemplateSyntaxError(`missing value for ${context}`, at)
  commands.forEach((command, index) => {
    const kind = command.args[0].kind
    if (index > 0 && (kind === 'literal' || kind === 'nil' || kind === 'dot')) {
      throw new TemplateSyntaxError(`non executable command in pipeline stage ${index + 1}`, command.at)
    }
  })
}

/** `$x :=`, `$x =`, and for range `$i, $x :=`. A variable that is not declared here is left for the command. */
function parseDeclarations(state: State, context: string): { readonly names: readonly string[]; readonly assigns: boolean } {
  const start = state.next
  const names: string[] = []
  for (;;) {
    const variable = takeSolid(state)
    if (variable.kind !== 'variable') break
    names.push(variable.text)
    const next = takeSolid(state)
    if (next.kind === 'declare' || next.kind === 'assign') {
      if (names.length > 1 && context !== 'range') throw new TemplateSyntaxError(`too many declarations in ${context}`, next.at)
      if (next.kind === 'assign') for (const name of names) requireVariable(state, name, variable.at)
      return { names, assigns: next.kind === 'assign' }
    }
    if (next.kind !== 'comma') break
    if (context !== 'range' || names.length > 1) throw new TemplateSyntaxError(`too many declarations in ${context}`, next.at)
  }
  state.next = start
  return { names: [], assigns: false }
}

function parseCommand(state: State): Command {
  const at = peekSolid(state).at
  const args: Operand[] = []
  for (;;) {
    peekSolid(state)
    const operand = parseOperand(state)
    if (operand !== undefined) args.push(operand)
    const token = take(state)
    if (token.kind === 'space') continue
    if (token.kind === 'right' || token.kind === 'close') state.next--
    else if (token.kind !== 'pipe') throw unexpected(token, 'operand')
    break
  }
  const [first, ...rest] = args
  if (first === undefined) throw new TemplateSyntaxError('empty command', at)
  return { args: [first, ...rest], at }
}

/** undefined where no operand starts (the end of the command). */
function parseOperand(state: State): Operand | undefined {
  const term = parseTerm(state)
  if (term === undefined) return undefined
  const chain: string[] = []
  const chainAt = state.tokens[state.next]?.at ?? term.at
  while (state.tokens[state.next]?.kind === 'field') chain.push(take(state).text.slice(1))
  if (chain.length === 0) return term
  switch (term.kind) {
    case 'field':
    case 'variable': return { ...term, chain: [...term.chain, ...chain], at: chainAt }
    case 'pipe': return { ...term, chain, at: chainAt }
    case 'dot':
    case 'literal':
    case 'nil': throw new TemplateSyntaxError(`unexpected . after term ${JSON.stringify(term.kind === 'literal' ? term.text : term.kind)}`, term.at)
    case 'function': {
      const command: Command = { args: [term], at: term.at }
      return { kind: 'pipe', pipe: { declares: [], assigns: false, commands: [command], at: term.at }, chain, at: chainAt }
    }
  }
}

function parseTerm(state: State): Operand | undefined {
  const token = take(state)
  switch (token.kind) {
    case 'identifier':
      if (!state.functions.has(token.text)) throw new TemplateSyntaxError(`function "${token.text}" not defined`, token.at)
      return { kind: 'function', name: token.text, at: token.at }
    case 'dot': return { kind: 'dot', at: token.at }
    case 'nil': return { kind: 'nil', at: token.at }
    case 'variable':
      requireVariable(state, token.text, token.at)
      return { kind: 'variable', name: token.text, chain: [], at: token.at }
    case 'field': return { kind: 'field', chain: [token.text.slice(1)], at: token.at }
    case 'bool': return { kind: 'literal', value: token.text === 'true', text: token.text, at: token.at }
    case 'number': return { kind: 'literal', value: parseLiteral(token), text: token.text, at: token.at }
    case 'string': return { kind: 'literal', value: unquote(token.text), text: token.text, at: token.at }
    case 'char': return { kind: 'literal', value: BigInt(unquote(token.text).codePointAt(0) ?? 0), text: token.text, at: token.at }
    case 'open': {
      if (++state.depth > deepest) throw new TemplateSyntaxError('template nested too deeply', token.at)
      const pipe = parsePipe(state, 'parenthesized pipeline', 'close')
      state.depth--
      return { kind: 'pipe', pipe, chain: [], at: token.at }
    }
    case 'text': case 'left': case 'right': case 'keyword': case 'pipe': case 'close': case 'assign': case 'declare':
    case 'comma': case 'space': case 'end':
      state.next--
      return undefined
  }
}

/** A number with a point or an exponent is a float64, any other an int, as Go's untyped constants become. */
function parseLiteral(token: Token): bigint | number {
  const text = token.text.replaceAll('_', '')
  const hex = /^[+-]?0[xX]/.test(text)
  if (!hex && /[.eE]/.test(text)) return Number(text)
  const negative = text.startsWith('-')
  const digits = text.replace(/^[+-]/, '')
  const magnitude = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return negative ? -magnitude : magnitude
}

function startsOperand(token: Token): boolean {
  return ['bool', 'char', 'dot', 'field', 'identifier', 'number', 'nil', 'string', 'variable', 'open'].includes(token.kind)
}

function requireVariable(state: State, name: string, at: number): void {
  if (!state.variables.includes(name)) throw new TemplateSyntaxError(`undefined variable "${name}"`, at)
}

function expectRight(state: State, context: string): void {
  const token = takeSolid(state)
  if (token.kind !== 'right') throw unexpected(token, context)
}

function unexpected(token: Token, context: string): TemplateSyntaxError {
  const shown = token.kind === 'end' ? 'EOF' : token.kind === 'keyword' ? `<${token.text}>` : JSON.stringify(token.text)
  return new TemplateSyntaxError(`unexpected ${shown} in ${context}`, token.at)
}

function here(state: State): number {
  return state.tokens[Math.max(state.next - 1, 0)]?.at ?? 0
}

function take(state: State): Token {
  const token = state.tokens[state.next] ?? state.tokens[state.tokens.length - 1]
  if (token === undefined) throw new TemplateSyntaxError('unexpected EOF', 0)
  state.next++
  return token
}

function takeSolid(state: State): Token {
  let token = take(state)
  while (token.kind === 'space') token = take(state)
  return token
}

function peekSolid(state: State): Token {
  const token = takeSolid(state)
  state.next--
  return token
}
