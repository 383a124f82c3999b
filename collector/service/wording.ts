/** The room's sentences (alerts/templates/service.zh-CN.yml), parsed once and strictly. */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, settingsMistakes } from '../../protocol/settings.ts'

/** A sentence that may use only these `{field}` places. */
const sentence = (...fields: readonly string[]) =>
  z.string().min(1).superRefine((text, context) => {
    for (const [place, field] of text.matchAll(/\{([^{}]*)\}/g)) {
      if (field === undefined || !fields.includes(field)) context.addIssue({ code: 'custom', message: `expected only the fields ${fields.map((one) => `{${one}}`).join(' ') || '(none)'}, found ${place}` })
    }
  })

const word = z.string().min(1).max(40)

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
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = schema.safeParse(input)
  if (!result.success) throw new SettingsError(settingsMistakes(file, result.error.issues, input, () => []))
  return result.data
}

/** Fills the places of a sentence, once: a `{place}` inside a value stays text. */
export function fill(template: string, fields: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{([^{}]*)\}/g, (place, field: string) => fields[field] ?? place)
}
