/** What came of an act of a person in this room; a refusal carries the status and the sentence for the answer. */
export type DeskOutcome<T> = { readonly kind: 'done'; readonly value: T } | DeskRefusal

/** A refused act. */
export interface DeskRefusal {
  readonly kind: 'refused'
  readonly status: 400 | 403 | 404 | 409 | 422 | 429
  readonly code: string
  readonly message: string
}

export const done = <T>(value: T): { readonly kind: 'done'; readonly value: T } => ({ kind: 'done', value })

export const refusal = (status: DeskRefusal['status'], code: string, message: string): DeskRefusal => ({ kind: 'refused', status, code, message })
