import { UsageError } from './options.ts'

/** One command below another: what it does in one line, how it is called, and what runs it. */
export interface Subcommand {
  readonly usage: string
  /** One line for the list. */
  readonly summary: string
  /** What one must know besides; lines as they are printed. */
  readonly details: string
  run(argv: readonly string[]): Promise<number>
}

const asksForHelp = (word: string): boolean => word === '--help' || word === '-h'

/**
 * Finds and runs a subcommand, or prints help: of all (`--help`, `help`), or of one (`NAME --help`). Resolves with the exit
 * code; rejects with UsageError where there is no such command.
 */
export async function runSubcommand(program: string, commands: Readonly<Record<string, Subcommand>>, argv: readonly string[], write: (text: string) => void): Promise<number> {
  const [name, ...rest] = argv
  const names = Object.keys(commands).join(', ')
  if (name === undefined) throw new UsageError(`expected one of ${names}; ${program} --help says more`)
  if (asksForHelp(name) || name === 'help') {
    write(overview(program, commands))
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`unknown command ${name}; expected one of ${names}`)
  // Behind a lone -- everything is a file name.
  const end = rest.indexOf('--')
  if ((end === -1 ? rest : rest.slice(0, end)).some(asksForHelp)) {
    write(`usage: ${program} ${command.usage}\n\n${command.details}\n\n${exitCodes}\n`)
    return 0
  }
  return command.run(rest)
}

/** What the codes of every command mean. */
export const exitCodes = 'Exit codes: 0 done, 1 it could not be done or something was found, 2 wrong use.'

function overview(program: string, commands: Readonly<Record<string, Subcommand>>): string {
  const lines = Object.values(commands).map(({ usage, summary }) => `  ${program} ${usage}\n      ${summary}`)
  return `usage: ${program} COMMAND\n\n${lines.join('\n')}\n\n${program} COMMAND --help says more of one. ${exitCodes}\n`
}
