import { TemplateExecutionError, runTemplate } from './evaluate.ts'
import { functionNames, templateFunctions } from './functions.ts'
import type { TemplateWorld } from './functions.ts'
import { TemplateSyntaxError } from './lex.ts'
import type { Tree } from './node.ts'
import { parseTemplate } from './parse.ts'
import { byteLength, goStrings } from './value.ts'
import type { Value } from './value.ts'

/** A rule's label or annotation, parsed when the rule file is loaded. */
export interface Template {
  readonly name: string
  readonly text: string
  /** undefined: the text holds no action and is its own expansion. */
  readonly tree: Tree | undefined
}

/** What `$labels`, `$value`, `$externalLabels` and `$externalURL` are in one expansion. */
export interface TemplateData {
  readonly labels: Readonly<Record<string, string>>
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly value: number
}

/** Prometheus puts these before every text; doing the same keeps the columns in its error texts. */
const definitions = '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}'

/** Parses a label's or annotation's text for the alert of that name. Throws TemplateError with Prometheus's message. */
export function compileTemplate(alertName: string, text: string): Template {
  const name = `__alert_${alertName}`
  if (!text.includes('{{')) return { name, text, tree: undefined }
  try {
    return { name, text, tree: parseTemplate(definitions + text, functionNames) }
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error
    const line = (definitions + text).slice(0, error.at).split('\n').length
    throw new TemplateError(`template: ${name}:${line}: ${error.message}`, error)
  }
}

/** A template that cannot be parsed. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  constructor(message: string, cause: unknown) {
    super(message, { cause })
  }
}

/**
 * Expands a template. A failure becomes the text `<error expanding template: …>`, as in Prometheus: an alert with a
 * broken text is still an alert. `onFailure` is told the message.
 */
export function expandTemplate(template: Template, data: TemplateData, world: TemplateWorld, onFailure: (message: string) => void = () => undefined): string {
  if (template.tree === undefined) return template.text
  try {
    return runTemplate(template.tree, templateFunctions(world), {
      kind: 'data',
      fields: new Map<string, Value>([
        ['Labels', goStrings(data.labels)],
        ['ExternalLabels', goStrings(data.externalLabels)],
        ['ExternalURL', data.externalUrl],
        ['Value', data.value],
      ]),
    })
  } catch (error) {
    if (!(error instanceof TemplateExecutionError)) throw error
    const message = `error executing template ${template.name}: template: ${place(template, error.at)}: executing "${template.name}" at <${error.context}>: ${error.message}`
    onFailure(message)
    return `<error expanding template: ${message}>`
  }
}

/** `NAME:LINE:BYTE`, the byte counted from 0 on the first line and from 1 after it, as Go's ErrorContext does. */
function place(template: Template, at: number): string {
  const before = (definitions + template.text).slice(0, at)
  const newline = before.lastIndexOf('\n')
  const column = newline < 0 ? byteLength(before) : byteLength(before.slice(newline + 1))
  return `${template.name}:${before.split('\n').length}:${column}`
}
