/** The room's sentences (alerts/templates/service.zh-CN.yml), parsed once and strictly. */
import { z } from 'zod'
import { parseCatalogue, sentence, word } from '../sentence.ts'

const schema = z.strictObject({
  duty: z.record(z.string(), word),
  flag: z.strictObject({ 'free-repair': word, refund: word, termination: word, damages: word, extension: word, deduction: word }),
  blind: z.strictObject({ 'collector-down': word, 'agent-silent': word, 'no-data': word }),
  window: z.strictObject({ planned: word, approved: word, cancelled: word, afterTheFact: word }),
  request: z.strictObject({
    kind: z.strictObject({ consulting: word, training: word, 'base-data': word, 'import-export': word, rights: word }),
    state: z.strictObject({ received: word, 'in-work': word, done: word, refused: word }),
  }),
  zeroReport: z.strictObject({ upcoming: word, due: word, late: word, filed: word, 'filed-late': word, reminder: sentence('title', 'dueAt') }),
  /** Fields of what people enter. */
  field: z.record(z.string(), word),
  verdict: z.strictObject({
    annotation: sentence('seq'),
    why: z.strictObject({ 'month-cut': word, 'annotation-cut': word, 'month-missing': word, 'month-out-of-order': word, 'month-unchained': word, 'hash-wrong': word, 'content-foreign': word, 'figures-wrong': word, 'annotation-missing': word, 'annotation-unchained': word, 'annotation-foreign': word, 'original-wrong': word }),
  }),
  workStream: z.strictObject({ window: word, request: word, guard: word }),
  workLog: z.strictObject({
    'window-planned': sentence('services', 'from', 'to', 'reason'),
    'window-approved': sentence('name', 'how'),
    'window-shortened': sentence('to', 'reason'),
    'window-cancelled': sentence('reason'),
    'request-received': sentence('kind', 'requester', 'channel', 'text'),
    'request-started': sentence('person'),
    'request-noted': sentence('text', 'minutes'),
    'request-finished': sentence('text', 'minutes'),
    'request-refused': sentence('reason'),
    'guard-declared': sentence('title', 'from', 'to'),
    'guard-ended': sentence('reason'),
    'zero-report': sentence('dueAt', 'text'),
  }),
  exposure: z.strictObject({
    perDay: sentence('late', 'rounding', 'days', 'rate', 'sum', 'amount'),
    rounding: z.strictObject({ begun: word, completed: word, exact: word }),
    exactDays: sentence('seconds'),
    late: sentence('days', 'hours', 'minutes', 'seconds'),
    since: z.strictObject({ due: word, start: word }),
    lumpAdded: sentence('since', 'days', 'rate', 'sum', 'lump', 'amount'),
    lumpGreater: sentence('since', 'days', 'rate', 'sum', 'lump', 'amount'),
    capped: sentence('rate', 'amount'),
    total: sentence('count', 'amount'),
    unpriced: sentence('duty', 'late'),
    duty: sentence('title', 'origin', 'text'),
  }),
  refusal: z.strictObject({
    'unknown-window': sentence(), 'unknown-request': sentence(), 'unknown-guard': sentence(), 'unknown-service': sentence(), 'unknown-month': sentence(), 'unknown-figure': sentence(),
    'text-missing': sentence(), 'times-wrong': sentence(), 'nothing-covered': sentence(), 'after-the-fact': sentence(), 'not-after-the-fact': sentence(),
    'approved-already': sentence(), 'approver-missing': sentence(), 'approval-in-future': sentence(), 'window-cancelled': sentence(), 'not-shorter': sentence(), 'month-frozen-already': sentence(),
    'request-over': sentence('state'), 'not-started': sentence(), 'started-already': sentence('person'), 'in-future': sentence(),
    'month-not-over': sentence(), 'month-before-missing': sentence('month'), 'incidents-open': sentence('numbers'), 'calendar-missing': sentence('date'), 'same-figure': sentence(),
    'guard-over': sentence(), 'no-such-report': sentence(), 'input-wrong': sentence('what'), 'too-early': sentence(), 'filed-already': sentence('by', 'at'), 'factor-wrong': sentence(),
  }),
})

/** All sentences of this room. */
export type ServiceWording = z.infer<typeof schema>
/** Why an act is refused. */
export type RefusalCode = keyof ServiceWording['refusal']

/** Parses the catalogue. Throws SettingsError with every mistake. */
export function parseServiceWording(text: string, file: string): ServiceWording {
  return parseCatalogue(schema, text, file)
}
