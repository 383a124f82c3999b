/** Structured logs: one JSON object a line on standard output, where the service manager keeps them. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Field values are printed as they are; an Error is printed with its causes. Never put a secret here. */
export type LogFields = Readonly<Record<string, unknown>>

/** A log that writes lines of at least `level` through `write`. */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => number): Log {
  const at = (lineLevel: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (order[lineLevel] < order[level]) return
    const shown = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? errorText(value) : value]))
    write(`${JSON.stringify({ at: new Date(now()).toISOString(), level: lineLevel, message, ...shown })}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** An error's message followed by those of its causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`
}
