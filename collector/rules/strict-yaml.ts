import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node, YAMLMap } from 'yaml'
import type { Mistake } from './rule.ts'

/**
 * Reads YAML strictly and with positions: every mistake is noted with `file:line:column` and its key path, and reading
 * goes on, so that all mistakes of a file are told together. Scalars are taken as they are written (`0.5` stays `0.5`),
 * as Go's yaml does when it decodes into strings.
 */
export interface Reader {
  readonly file: string
  readonly mistakes: Mistake[]
  readonly lines: LineCounter
  readonly document: Document.Parsed | undefined
}

/** One node with the path that leads to it; `node` undefined: an empty value. */
export interface Spot {
  readonly reader: Reader
  readonly path: string
  readonly node: Node | undefined
  /** Where to point when the node itself is empty: its key's offset. */
  readonly fallback: number
}

/** Parses the first document of the text (later ones are ignored, as Prometheus does). Syntax errors become mistakes. */
export function readYaml(file: string, text: string): { readonly reader: Reader; readonly root: Spot } {
  const lines = new LineCounter()
  const mistakes: Mistake[] = []
  const [document] = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const reader: Reader = { file, mistakes, lines, document }
  const root: Spot = { reader, path: '', node: document?.contents ?? undefined, fallback: 0 }
  for (const error of document?.errors ?? []) {
    mistakes.push({ place: placeOf(reader, error.pos[0]), path: '', message: error.message })
  }
  return { reader, root }
}

/** `file:line:column` of the spot. */
export function place(spot: Spot): string {
  return placeOf(spot.reader, spot.node?.range?.[0] ?? spot.fallback)
}

function placeOf(reader: Reader, offset: number): string {
  const { line, col } = reader.lines.linePos(offset)
  return `${reader.file}:${line}:${col}`
}

/** Notes a mistake at the spot. */
export function complain(spot: Spot, message: string): void {
  spot.reader.mistakes.push({ place: place(spot), path: spot.path, message })
}

function resolved(spot: Spot): Node | undefined {
  const { node, reader } = spot
  if (!isAlias(node)) return node
  return reader.document === undefined ? undefined : node.resolve(reader.document)
}

/** A mapping's values by key, each key checked against `known` (which names the nearest on a miss); {} for an empty value. */
export function readMap(spot: Spot, known: readonly string[]): ReadonlyMap<string, Spot> {
  const fields = readEntries(spot)
  const kept = new Map<string, Spot>()
  for (const [name, at] of fields) {
    if (known.includes(name)) kept.set(name, at)
    else complain({ ...at, node: undefined }, `unknown key ${JSON.stringify(name)}${suggestion(name, known)}`)
  }
  return kept
}

/** A mapping with free keys. */
export function readEntries(spot: Spot): ReadonlyMap<string, Spot> {
  const node = resolved(spot)
  const entries = new Map<string, Spot>()
  if (isEmpty(node)) return entries
  if (!isMap(node)) {
    complain(spot, 'expected a mapping')
    return entries
  }
  for (const pair of (node as YAMLMap<Node, Node | null>).items) {
    const fallback = pair.key.range?.[0] ?? spot.fallback
    if (!isScalar(pair.key)) {
      complain({ ...spot, node: undefined, fallback }, 'a key must be a plain text')
      continue
    }
    const name = pair.key.source ?? String(pair.key.value)
    const path = spot.path === '' ? name : `${spot.path}.${name}`
    entries.set(name, { reader: spot.reader, path, node: pair.value ?? undefined, fallback })
  }
  return entries
}

/** A list's items; [] for an empty value. */
export function readList(spot: Spot): readonly Spot[] {
  const node = resolved(spot)
  if (isEmpty(node)) return []
  if (!isSeq(node)) {
    complain(spot, 'expected a list')
    return []
  }
  return (node.items as Node[]).map((item, index) => ({
    reader: spot.reader, path: `${spot.path}[${index}]`, node: item, fallback: item.range?.[0] ?? spot.fallback,
  }))
}

/** A scalar's text as written; '' for an empty value; undefined (and a mistake) when it is no scalar. */
export function readText(spot: Spot): string | undefined {
  const node = resolved(spot)
  if (isEmpty(node)) return ''
  if (!isScalar(node)) {
    complain(spot, 'expected a text')
    return undefined
  }
  return node.source ?? String(node.value)
}

function isEmpty(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null)
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = known.map((candidate) => ({ candidate, far: distance(name, candidate) })).sort((a, b) => a.far - b.far)[0]
  return nearest !== undefined && nearest.far <= 3 ? `; did you mean ${JSON.stringify(nearest.candidate)}?` : ''
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
