/** How much is written: `debug` everything, `error` the least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One line of JSON per entry: `at`, `level`, `message` and the entry's own fields. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Makes a log that writes entries of at least `least`, each as one line, through `write`. `now` gives epoch milliseconds. */
export function createLog(least: LogLevel, write: (line: string) => void, now: () => number): Log {
  const floor = LOG_LEVELS.indexOf(least)
  return (level, message, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) < floor) return
    const shown = 'error' in fields ? { ...fields, error: errorText(fields['error']) } : fields
    write(`${JSON.stringify({ at: new Date(now()).toISOString(), level, message, ...shown })}\n`)
  }
}

/** An error with its causes on one line, without stacks. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const text = error.message === '' ? error.name : error.message
  return error.cause === undefined ? text : `${text}: ${errorText(error.cause)}`
}

/** The `code` of a system error (`ENOENT` …), or undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
