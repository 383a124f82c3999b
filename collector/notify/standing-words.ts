/**
 * What of a digest still needs saying. While messages wait, a cause may absorb the incidents they are about; where the
 * cause's own message goes to the same people at the same time, it speaks for them: its incident lists them. Pure.
 */
import { z } from 'zod'
import type { Json } from '../state/audit.ts'
import type { Rendered } from './channel.ts'

const aboutIncident = z.object({ kind: z.literal('incident'), incident: z.object({ number: z.string() }) })

/** Number of the incident that a queued message is about; undefined: about alerts, or something else. */
function incidentOf(payload: Json): string | undefined {
  const found = aboutIncident.safeParse(payload)
  return found.success ? found.data.incident.number : undefined
}

/**
 * The words that remain, in their order. `spokesman`: the number of the incident that speaks for this one, itself where it
 * stands. Nothing is left out for a cause that is not told here.
 */
export function standingWords(messages: readonly { readonly payload: Json }[], words: readonly Rendered[], spokesman: (number: string) => string): readonly Rendered[] {
  const numbers = messages.map(({ payload }) => incidentOf(payload))
  const told = new Set(numbers)
  return words.filter((_, index) => {
    const number = numbers[index]
    if (number === undefined) return true
    const speaker = spokesman(number)
    return speaker === number || !told.has(speaker)
  })
}
