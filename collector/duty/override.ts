/**
 * What people change after the roster is written: two exchange shifts, one stands in for another, one is away. Kept as
 * entries beside the file (storage.ts), applied by the resolver in the order of their numbers, and taken back by a mark;
 * never edited or deleted.
 */
import { z } from 'zod'

const id = z.string().min(1).max(32)
/** One person's place in one shift; `date` is the day the shift begins on, `2026-10-01`. */
const place = z.strictObject({ roster: id, shift: id, date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/), person: id }).readonly()
/** From `from` up to but not including `to`, epoch ms. */
const span = { from: z.int(), to: z.int() }

/** Schema of what an override does, the only reader of stored ones. */
export const overrideBodySchema = z.discriminatedUnion('kind', [
  /** The two persons exchange these two places. */
  z.strictObject({ kind: z.literal('swap'), first: place, second: place }),
  /** `in` stands in for `out` in that roster; `out` null: in addition to whoever is there. */
  z.strictObject({ kind: z.literal('substitute'), roster: id, out: id.nullable(), in: id, ...span }),
  /** Away from every roster. */
  z.strictObject({ kind: z.literal('absence'), person: id, ...span }),
])
/** What an override does. */
export type OverrideBody = Readonly<z.infer<typeof overrideBodySchema>>
/** One person's place in one shift. */
export type Place = z.infer<typeof place>

/** One stored override that has not been taken back. */
export interface Override {
  readonly id: number
  readonly body: OverrideBody
  readonly reason: string
  readonly by: string
  readonly at: number
}
