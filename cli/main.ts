/**
 * `zhishou`, the one command line. Exit codes: 0 fine, 1 findings or failures, 2 wrong use.
 * Each command lives with its room; this file only finds it.
 */
import { realpathSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const usage = `zhishou: monitoring and alerting with SLA clocks (值守)

  zhishou up [--home DIR] [--http HOST:PORT] [--tls HOST:PORT]   collector and an agent for this machine
  zhishou collector run [--home DIR] [--http …] [--tls …]        the collector
  zhishou collector check-config [--home DIR] [--strict] [FILE]  every mistake in collector.yml and all files it names
  zhishou collector token --host NAME | --role ROLE --name NAME  a token: one-time for an agent, or for a program
  zhishou collector tokens list|revoke ID                        programs' tokens
  zhishou collector account add --user NAME --role ROLE [--by NAME]  a new account; its one-time password, printed once
  zhishou collector reset-password --user NAME [--home DIR]      a new one-time password; ends a lock
  zhishou collector link-person --user NAME [--person ID] [--home DIR]  whose account it is, by an id of duty.yml; without --person nobody's
  zhishou agent run|once|enrol|identity|check-config [--home DIR] the agent
  zhishou rules check FILE …                                     rule files, as promtool check rules
  zhishou rules test FILE …                                      unit tests of rules, as promtool test rules

zhishou collector --help, and --help behind each of its commands, say more. Exit codes: 0 fine, 1 findings or failures,
2 wrong use.
`

/** Compiled code is kept beside the build, in a folder of ours (never in a shared temporary one, where others could plant code). */
const compileCache = join(import.meta.dirname, '..', 'dist', '.compile-cache')

/** Runs one command; resolves with the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv
  switch (command) {
    case 'up':
      return (await import('./up.ts')).up(rest)
    case 'collector':
      return (await import('./collector.ts')).collectorCommand(rest)
    case 'agent':
      return (await import('../agent/main.ts')).runAgentCommand(rest)
    case 'rules':
      return (await import('./rules.ts')).rulesCommand(rest)
    case undefined:
      process.stderr.write(usage)
      return 2
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage)
      return 0
    default:
      process.stderr.write(`zhishou: unknown command ${command}\n\n${usage}`)
      return 2
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  // Starting is faster and needs a third less memory; where the folder cannot be written it is simply not used.
  enableCompileCache(compileCache)
  run(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      process.stderr.write(`zhishou: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      process.exitCode = 1
    },
  )
}
