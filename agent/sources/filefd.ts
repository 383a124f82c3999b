import { gauge } from '../../protocol/series.ts'
import { malformed, numbersIn } from './fields.ts'
import { ok } from './source.ts'
import { settled, stepped } from './steps.ts'

const WHAT = '/proc/sys/fs/file-nr'
const allocated = gauge('node_filefd_allocated', 'File descriptor statistics: allocated.')
const maximum = gauge('node_filefd_maximum', 'File descriptor statistics: maximum.')

/** Open files in the kernel and their limit. Throws when it is not three numbers. Source: kernel Documentation/admin-guide/sysctl/fs.rst. */
export function parseFileNr(text: string): { readonly allocated: number; readonly maximum: number } {
  const numbers: number[] = []
  const end = text.indexOf('\n')
  if (end !== -1) numbersIn(WHAT, text, 0, end, numbers)
  const [open, , most] = numbers
  if (open === undefined || most === undefined) throw malformed(WHAT, 'expected three numbers', text, 0, text.length)
  return { allocated: open, maximum: most }
}

export const filefd = stepped({
  name: 'filefd',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [allocated, maximum],
  *steps(host, out) {
    const files = parseFileNr(yield* settled(host.read(WHAT)))
    out.sample(out.series(allocated), files.allocated)
    out.sample(out.series(maximum), files.maximum)
    return ok
  },
})
