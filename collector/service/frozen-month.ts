/**
 * Frozen months (pure): what may be frozen, how it is hashed and chained, how it is corrected, and how tampering shows.
 * A frozen month is never changed; a correction is an annotation that stands beside the original figure.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../state/audit.ts'
import type { Json } from '../state/audit.ts'
import type { Fault } from './fault.ts'
import { ARITHMETIC, monthFigures, monthInputsSchema, touches } from './month.ts'
import type { MonthInputs } from './month.ts'
import type { Approval } from './window.ts'
import { workLineSchema } from './work-log.ts'
import type { WorkLine } from './work-log.ts'
import { addMonths, monthOf } from './zone-time.ts'
import type { RefusalCode, ServiceWording } from './wording.ts'

/** What the first of a chain has as the hash before it. */
export const MONTH_ORIGIN = '0'.repeat(64)

/** A month as it was frozen. */
export interface FrozenMonth {
  readonly seq: number
  readonly month: string
  readonly frozenAt: number
  readonly actor: string
  /** Why it was frozen although incidents of it were open; null: none was. */
  readonly forced: string | null
  /** Canonical JSON of `{figures, inputs}`. */
  readonly body: string
  readonly previousHash: string
  readonly hash: string
}

/** A correction. `path` leads to the figure inside the frozen figures, `services.0.month.withMaintenance.badMs`. */
export interface Annotation {
  readonly seq: number
  readonly month: string
  readonly at: number
  readonly actor: string
  /** Canonical JSON of `{approval, corrected, monthHash, original, path, reason}`, and `entry` where it is one of the work log. */
  readonly body: string
  readonly previousHash: string
  readonly hash: string
}

/** `forced`: the reason that goes with it; null where no incident is open, whatever was given. */
export type Decision = { readonly kind: 'may'; readonly forced: string | null } | { readonly kind: 'refused'; readonly code: RefusalCode; readonly fields: Readonly<Record<string, string>> }

const refused = (code: RefusalCode, fields: Readonly<Record<string, string>> = {}): Decision => ({ kind: 'refused', code, fields })

/**
 * Whether a month may be frozen at `now`. It must be over, whatever the reason; it must follow the newest frozen one,
 * or the chain would have a hole, and the first is that of the contract's first day (`2026-03-01`), or those before it
 * could never be frozen; and its incidents must be closed, unless a reason says why it cannot wait.
 */
export function mayFreeze(month: string, newest: string | undefined, contractStart: string, faults: readonly Fault[], forced: string | null, now: number, zone: string): Decision {
  const span = monthOf(month, zone)
  if (now < span.to) return refused('month-not-over')
  const next = newest === undefined ? contractStart.slice(0, 7) : addMonths(newest, 1)
  if (month !== next) return month === newest ? refused('month-frozen-already') : refused('month-before-missing', { month: next })
  const open = faults.filter((fault) => fault.excluded === undefined && !fault.closed && touches(fault, span, now))
  if (open.length > 0 && (forced ?? '').trim() === '') return refused('incidents-open', { numbers: open.map((fault) => fault.number).join('、') })
  return { kind: 'may', forced: open.length > 0 ? forced : null }
}

/** The content of a frozen month: its inputs and the figures made of them. */
export function monthBody(inputs: MonthInputs): string {
  return canonicalJson({ inputs, figures: monthFigures(inputs) })
}

/** SHA-256 over the hash before it, a line feed and the canonical JSON of the rest; lower-case hex. */
export function monthHash(month: Omit<FrozenMonth, 'hash'>): string {
  return chained(month.previousHash, { seq: month.seq, month: month.month, frozenAt: month.frozenAt, actor: month.actor, forced: month.forced, body: month.body })
}

/** The same for an annotation. */
export function annotationHash(annotation: Omit<Annotation, 'hash'>): string {
  return chained(annotation.previousHash, { seq: annotation.seq, month: annotation.month, at: annotation.at, actor: annotation.actor, body: annotation.body })
}

function chained(previous: string, content: Json): string {
  return createHash('sha256').update(`${previous}\n${canonicalJson(content)}`).digest('hex')
}

const bodySchema = z.strictObject({ inputs: monthInputsSchema, figures: z.record(z.string(), z.json()) })
const annotationSchema = z.strictObject({ approval: z.json(), corrected: z.json(), monthHash: z.string(), original: z.json(), path: z.string(), reason: z.string(), entry: workLineSchema.exactOptional() })

/** The frozen figures as they were written. */
export function figuresOf(month: FrozenMonth): Json {
  return bodySchema.parse(JSON.parse(month.body)).figures
}

/** The frozen inputs. */
export function inputsOf(month: FrozenMonth): MonthInputs {
  return bodySchema.parse(JSON.parse(month.body)).inputs
}

/** The figure that a path leads to; undefined: there is none, or it is no single figure. */
export function figureAt(figures: Json, path: string): string | number | null | undefined {
  let value: Json | undefined = figures
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Readonly<Record<string, Json | undefined>>)[key]
  }
  return typeof value === 'object' || typeof value === 'boolean' ? (value === null ? null : undefined) : value
}

/** The content of an annotation. The original figure is read from the frozen month, never typed in. */
export function annotationBody(month: FrozenMonth, path: string, corrected: string | number | null, approval: Approval, reason: string): { readonly kind: 'made'; readonly body: string } | { readonly kind: 'refused'; readonly code: RefusalCode } {
  const original = figureAt(figuresOf(month), path)
  if (original === undefined) return { kind: 'refused', code: 'unknown-figure' }
  if (original === corrected) return { kind: 'refused', code: 'same-figure' }
  return { kind: 'made', body: canonicalJson({ approval, corrected, monthHash: month.hash, original, path, reason }) }
}

/** The figure of a frozen month that later entries of its work log are annotations to. */
export const WORK_COUNT = 'work.count'

/**
 * The content of the annotation that an entry becomes which is written down after its month was frozen; `annotations`
 * are those of the month so far. undefined: the month was frozen without a work log. Nobody of the client's side has
 * approved of it: it changes no promise, and says who wrote it down.
 */
export function lateEntryBody(month: FrozenMonth, annotations: readonly Annotation[], entry: WorkLine): string | undefined {
  const original = figureAt(figuresOf(month), WORK_COUNT)
  if (typeof original !== 'number') return undefined
  const late = annotations.filter((one) => entryOf(one) !== undefined).length
  return canonicalJson({ approval: null, corrected: original + late + 1, entry, monthHash: month.hash, original, path: WORK_COUNT, reason: entry.text })
}

/** The entry of the work log that an annotation is; undefined: it is a correction. */
export function entryOf(annotation: Annotation): WorkLine | undefined {
  return annotationSchema.parse(JSON.parse(annotation.body)).entry
}

/** What is wrong with it; words are the catalogue's. */
export type VerdictWhy = keyof ServiceWording['verdict']['why']

/** Whether all of it is whole; `where` names the first thing that is not: a month, or `annotation N`. */
export type MonthVerdict = { readonly kind: 'intact'; readonly months: number; readonly annotations: number } | { readonly kind: 'broken'; readonly where: string; readonly why: VerdictWhy }

/**
 * Checks numbering, links, hashes, that months follow each other, that figures follow from their inputs (while this
 * program still knows the arithmetic they were made with), and that annotations quote what they correct. `known` are
 * hashes kept outside (the audit log has each): they show a cut or rewritten end, which a chain alone cannot.
 */
export function verifyMonths(months: readonly FrozenMonth[], annotations: readonly Annotation[], known: { readonly months: readonly string[]; readonly annotations: readonly string[] } = { months: [], annotations: [] }): MonthVerdict {
  const broken = (where: string, why: VerdictWhy): MonthVerdict => ({ kind: 'broken', where, why })
  let before: FrozenMonth | undefined
  for (const month of months) {
    const why = monthFault(month, before)
    if (why !== undefined) return broken(month.month, why)
    before = month
  }
  if (known.months.some((hash) => !months.some((one) => one.hash === hash))) return broken(before?.month ?? '-', 'month-cut')
  let last: Annotation | undefined
  for (const annotation of annotations) {
    const why = annotationFault(annotation, last, months)
    if (why !== undefined) return broken(`annotation ${annotation.seq}`, why)
    last = annotation
  }
  if (known.annotations.some((hash) => !annotations.some((one) => one.hash === hash))) return broken(`annotation ${last?.seq ?? 0}`, 'annotation-cut')
  return { kind: 'intact', months: months.length, annotations: annotations.length }
}

function monthFault(month: FrozenMonth, before: FrozenMonth | undefined): VerdictWhy | undefined {
  if (month.seq !== (before?.seq ?? 0) + 1) return 'month-missing'
  if (before !== undefined && month.month !== addMonths(before.month, 1)) return 'month-out-of-order'
  if (month.previousHash !== (before?.hash ?? MONTH_ORIGIN)) return 'month-unchained'
  if (month.hash !== monthHash(month)) return 'hash-wrong'
  // From here on the row is as it was written; what is left is whether it was written right.
  const body = bodySchema.safeParse(JSON.parse(month.body))
  if (!body.success || body.data.inputs.month !== month.month) return 'content-foreign'
  if (body.data.inputs.arithmetic === ARITHMETIC && month.body !== monthBody(body.data.inputs)) return 'figures-wrong'
  return undefined
}

function annotationFault(annotation: Annotation, before: Annotation | undefined, months: readonly FrozenMonth[]): VerdictWhy | undefined {
  if (annotation.seq !== (before?.seq ?? 0) + 1) return 'annotation-missing'
  if (annotation.previousHash !== (before?.hash ?? MONTH_ORIGIN)) return 'annotation-unchained'
  if (annotation.hash !== annotationHash(annotation)) return 'hash-wrong'
  const month = months.find((one) => one.month === annotation.month)
  const body = annotationSchema.safeParse(JSON.parse(annotation.body))
  if (month === undefined || !body.success || body.data.monthHash !== month.hash) return 'annotation-foreign'
  return figureAt(figuresOf(month), body.data.path) === body.data.original ? undefined : 'original-wrong'
}
