import { untyped } from '../../protocol/series.ts'
import { malformed, wholeNumber } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/vmstat'
/** What node_exporter's default filter `^(oom_kill|pgpg|pswp|pg.*fault).*` lets through. `oom_kill` came with Linux 4.13. */
const FIELDS = ['oom_kill', 'pgpgin', 'pgpgout', 'pswpin', 'pswpout', 'pgfault', 'pgmajfault'] as const
const specs = FIELDS.map((field) => untyped(`node_vmstat_${field}`, `/proc/vmstat information field ${field}.`))

/**
 * The fields above by name; one that is missing is left out. They are searched for, since they are seven of 180 lines.
 * Throws when the text is cut, none is there, or a value is no number. Source: kernel mm/vmstat.c, vmstat_text.
 */
export function parseVmstat(text: string): ReadonlyMap<string, number> {
  if (!text.endsWith('\n')) throw malformed(WHAT, 'the last line is cut', text, text.lastIndexOf('\n') + 1, text.length)
  const values = new Map<string, number>()
  for (const field of FIELDS) {
    const at = text.startsWith(`${field} `) ? -1 : text.indexOf(`\n${field} `)
    if (at === -1 && !text.startsWith(`${field} `)) continue
    const start = at + 1 + field.length + 1
    const end = text.indexOf('\n', start)
    const value = wholeNumber(text, start, end)
    if (value === undefined) throw malformed(WHAT, `${field} is not a whole number`, text, start, end)
    values.set(field, value)
  }
  if (values.size === 0) throw new Error(`${WHAT}: none of ${FIELDS.join(', ')} is there`)
  return values
}

export const vmstat = stepped({
  name: 'vmstat',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: specs,
  *steps(host, out) {
    const values = parseVmstat(yield* settled(host.read(WHAT)))
    for (const [index, field] of FIELDS.entries()) {
      const value = values.get(field)
      const spec = specs[index]
      if (value !== undefined && spec !== undefined) out.sample(out.series(spec), value)
    }
    return ok
  },
})
