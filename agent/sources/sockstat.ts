import { gauge, type SeriesSpec } from '../../protocol/series.ts'
import { eachLine, malformed, skipBlanks, skipWord, wholeNumber } from './fields.ts'
import { pageSize } from './page-size.ts'
import { type Sink, ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

/** Fields by the word that begins their line, of both files. `mem` counts pages, so it also comes as `mem_bytes`. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  sockets: ['used'],
  TCP: ['inuse', 'orphan', 'tw', 'alloc', 'mem', 'mem_bytes'],
  UDP: ['inuse', 'mem', 'mem_bytes'],
  UDPLITE: ['inuse'],
  RAW: ['inuse'],
  FRAG: ['inuse', 'memory'],
  TCP6: ['inuse'],
  UDP6: ['inuse'],
  UDPLITE6: ['inuse'],
  RAW6: ['inuse'],
  FRAG6: ['inuse', 'memory'],
}
const specs: ReadonlyMap<string, SeriesSpec> = new Map(
  Object.entries(FIELDS).flatMap(([word, fields]) =>
    fields.map((field): [string, SeriesSpec] => [`${word}_${field}`, gauge(`node_sockstat_${word}_${field}`, `Number of ${word} sockets in state ${field}.`)]),
  ),
)

/** Visits every `WORD: name number name number` pair as `WORD_name`. Throws on a cut or malformed line. Source: kernel net/ipv4/proc.c. */
export function parseSockstat(what: string, text: string, visit: (key: string, value: number) => void): void {
  eachLine(what, text, (start, end) => {
    const colon = text.indexOf(':', start)
    if (colon === -1 || colon >= end) throw malformed(what, 'no protocol', text, start, end)
    const word = text.slice(start, colon)
    let position = skipBlanks(text, colon + 1, end)
    while (position < end) {
      const nameEnd = skipWord(text, position, end)
      const valueAt = skipBlanks(text, nameEnd, end)
      const valueEnd = skipWord(text, valueAt, end)
      const value = wholeNumber(text, valueAt, valueEnd)
      if (value === undefined) throw malformed(what, 'a name without its number', text, start, end)
      visit(`${word}_${text.slice(position, nameEnd)}`, value)
      position = skipBlanks(text, valueEnd, end)
    }
  })
}

function putter(out: Sink, pageBytes: number): (key: string, value: number) => void {
  const put = (key: string, value: number): void => {
    const spec = specs.get(key)
    if (spec !== undefined) out.sample(out.series(spec), value)
  }
  return (key, value) => {
    put(key, value)
    if (key.endsWith('_mem')) put(`${key}_bytes`, value * pageBytes)
  }
}

export const sockstat = stepped({
  name: 'sockstat',
  cadence: 'tick',
  timeoutMs: 5_000,
  series: [...specs.values()],
  *steps(host, out) {
    const put = putter(out, yield* pageSize(host))
    parseSockstat('/proc/net/sockstat', yield* settled(host.read('/proc/net/sockstat')), put)
    const six = yield* textIfThere(host, '/proc/net/sockstat6')
    if (six !== undefined) parseSockstat('/proc/net/sockstat6', six, put)
    return ok
  },
})
