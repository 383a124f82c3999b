/** The tree of a template, after text/template/parse/node.go. `at` is the UTF-16 offset errors point to. */
export type Node =
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  | { readonly kind: 'action'; readonly pipe: Pipe; readonly at: number }
  | { readonly kind: 'branch'; readonly word: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: readonly Node[]; readonly otherwise: readonly Node[]; readonly at: number }
  | { readonly kind: 'jump'; readonly word: 'break' | 'continue'; readonly at: number }
  | { readonly kind: 'template'; readonly name: string; readonly pipe: Pipe | undefined; readonly at: number }

/** Commands left to right; the value of each is the last argument of the next. */
export interface Pipe {
  readonly declares: readonly string[]
  /** `$x = …` instead of `$x := …`. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
  readonly at: number
}

export interface Command {
  readonly args: readonly [Operand, ...Operand[]]
  readonly at: number
}

/** One word of a command. `chain` holds the fields after it: `$x.A.B`, `(…).A`. */
export type Operand =
  | { readonly kind: 'dot'; readonly at: number }
  | { readonly kind: 'nil'; readonly at: number }
  | { readonly kind: 'field'; readonly chain: readonly string[]; readonly at: number }
  | { readonly kind: 'variable'; readonly name: string; readonly chain: readonly string[]; readonly at: number }
  | { readonly kind: 'function'; readonly name: string; readonly at: number }
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly chain: readonly string[]; readonly at: number }
  | { readonly kind: 'literal'; readonly value: string | bigint | number | boolean; readonly text: string; readonly at: number }

/** A parsed template with the templates it defines. */
export interface Tree {
  readonly nodes: readonly Node[]
  readonly defined: ReadonlyMap<string, readonly Node[]>
}

/** The pipe as Go prints it in its error texts. */
export function pipeText(pipe: Pipe): string {
  const names = pipe.declares.length === 0 ? '' : `${pipe.declares.join(', ')} ${pipe.assigns ? '=' : ':='} `
  return names + pipe.commands.map(commandText).join(' | ')
}

export function commandText(command: Command): string {
  return command.args.map(operandText).join(' ')
}

export function operandText(operand: Operand): string {
  switch (operand.kind) {
    case 'dot': return '.'
    case 'nil': return 'nil'
    case 'field': return operand.chain.map((name) => `.${name}`).join('')
    case 'variable': return [operand.name, ...operand.chain].join('.')
    case 'function': return operand.name
    case 'pipe': return `(${pipeText(operand.pipe)})${operand.chain.map((name) => `.${name}`).join('')}`
    case 'literal': return operand.text
  }
}
