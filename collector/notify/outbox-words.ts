/** What claimed messages say when they go: asked for their subject, then put into words at the channel's detail. */
import type { Log } from '../log.ts'
import { errorText } from '../log.ts'
import type { Json } from '../state/audit.ts'
import type { Detail, Rendered } from './channel.ts'
import type { Claimed } from './outbox-storage.ts'
import { pause } from './pause.ts'
import type { Subject } from './subject.ts'

/** Messages that are put into words without a pause. */
const SLICE = 50

export interface WordsDependencies {
  readonly log: Pick<Log, 'error'>
  /** Ends pauses. */
  readonly cut: AbortSignal
  now(): number
  /** Throws for a payload that is none. */
  render(payload: Json, now: number, detail: Detail): Rendered
  /** Left out: everything says what it was queued with. */
  subject?(payload: Json, now: number): Promise<Subject>
}

/** `going` and `words` belong together by place. */
export interface Worded {
  /** With the payload that their words are made of. */
  readonly going: readonly Claimed[]
  readonly words: readonly Rendered[]
  /** No longer true. */
  readonly ended: readonly { readonly claimed: Claimed; readonly why: string }[]
  /** Not to be put into words. */
  readonly wordless: readonly { readonly claimed: Claimed; readonly why: string }[]
}

/** Never rejects: what cannot be asked is said as it was queued, for nothing may be lost by it. */
export async function wordsFor(deps: WordsDependencies, messages: readonly Claimed[], detail: Detail): Promise<Worded> {
  const going: Claimed[] = []
  const words: Rendered[] = []
  const ended: { claimed: Claimed; why: string }[] = []
  const wordless: { claimed: Claimed; why: string }[] = []
  for (const [index, claimed] of messages.entries()) {
    // A storm may be put together from thousands; others want the processor too.
    if (index % SLICE === SLICE - 1) await pause(0, deps.cut)
    const subject = await subjectOf(deps, claimed)
    if (subject.kind === 'superseded') {
      ended.push({ claimed, why: subject.why })
      continue
    }
    try {
      words.push(deps.render(subject.payload, deps.now(), detail))
      going.push({ ...claimed, payload: subject.payload })
    } catch (error) {
      wordless.push({ claimed, why: `cannot be put into words: ${errorText(error)}` })
    }
  }
  return { going, words, ended, wordless }
}

async function subjectOf(deps: WordsDependencies, { id, payload }: Claimed): Promise<Subject> {
  if (deps.subject === undefined) return { kind: 'stands', payload }
  try {
    return await deps.subject(payload, deps.now())
  } catch (error) {
    deps.log.error('notify: cannot ask what a message is about, it goes as it was queued', { id, error: errorText(error) })
    return { kind: 'stands', payload }
  }
}
