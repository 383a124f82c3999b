import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** Wrong use of the command line: printed as it is, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Options {
  readonly values: Readonly<Record<string, string | undefined>>
  readonly positionals: readonly string[]
}

/** `--name value` options among `names`, and what else stands there. Throws UsageError for anything unknown. */
export function readOptions(argv: readonly string[], names: readonly string[]): Options {
  try {
    const parsed = parseArgs({ args: [...argv], options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])), allowPositionals: true, strict: true })
    return { values: Object.fromEntries(Object.entries(parsed.values).map(([name, value]) => [name, typeof value === 'string' ? value : undefined])), positionals: parsed.positionals }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Takes `--name` switches among `names` out, up to a lone `--`; what is left is for `readOptions`. */
export function readFlags(argv: readonly string[], names: readonly string[]): { readonly flags: ReadonlySet<string>; readonly rest: readonly string[] } {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  const given = argv.slice(0, end).flatMap((word) => names.find((name) => word === `--${name}`) ?? [])
  return { flags: new Set(given), rest: argv.filter((word, index) => index >= end || !names.some((name) => word === `--${name}`)) }
}

/** `HOST:PORT` as given to --http and --tls. */
export function readListen(text: string | undefined, option: string): { readonly host: string; readonly port: number } | undefined {
  if (text === undefined) return undefined
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3] ?? Number.NaN)
  if (match === null || port > 65_535) throw new UsageError(`--${option} ${text}: expected HOST:PORT`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** Where the collector keeps its data: --home, else ZHISHOU_HOME, else ./data. A leading ~ is the user's folder. */
export function homeFolder(option: string | undefined): string {
  const text = option ?? process.env['ZHISHOU_HOME'] ?? 'data'
  return resolve(text.startsWith('~/') ? `${homedir()}${text.slice(1)}` : text)
}
