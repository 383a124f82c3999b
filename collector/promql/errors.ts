import type { Span } from './syntax.ts'

/** Line and column (both from 1) of an offset. */
export function position(text: string, offset: number): string {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return `${line}:${offset - before.lastIndexOf('\n')}`
}

/** A query that is no PromQL. `message` is `1:5: parse error: unclosed left parenthesis`, the text Prometheus gives. */
export class ParseError extends Error {
  override readonly name = 'ParseError'
  /** What is wrong, without the position. */
  readonly detail: string
  readonly start: number
  readonly end: number
  constructor(text: string, start: number, end: number, detail: string) {
    super(`${position(text, start)}: parse error: ${detail}`)
    this.detail = detail
    this.start = start
    this.end = end
  }
}

/**
 * A query that cannot be answered. `execution`: its data or parameters forbid it (HTTP 422); `limit`: it would cost more
 * than its options allow.
 */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
  readonly kind: 'execution' | 'limit'
  constructor(kind: 'execution' | 'limit', message: string) {
    super(message)
    this.kind = kind
  }
}

/** Warnings and infos of one evaluation, each told once. Texts are Prometheus's (util/annotations). */
export class Notes {
  readonly #warnings = new Set<string>()
  readonly #infos = new Set<string>()

  warn(text: string, span: Span): void {
    this.#warnings.add(`PromQL warning: ${text} (${position(span.text, span.start)})`)
  }

  info(text: string, span: Span): void {
    this.#infos.add(`PromQL info: ${text} (${position(span.text, span.start)})`)
  }

  warnings(): readonly string[] {
    return [...this.#warnings]
  }

  infos(): readonly string[] {
    return [...this.#infos]
  }
}
