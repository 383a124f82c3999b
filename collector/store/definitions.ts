/**
 * How label pairs and the columns of groups lie on disk: in segments that are only ever added. A pair is written once
 * for the whole store; a column is its pairs' numbers, written as differences to the column before, which for one host
 * are mostly zeros and ones. zstd over each segment.
 */
import { compress, decompress } from './chunk.ts'
import { createReader, createWriter, getText, getVarint, putText, putVarint, written } from './bytes.ts'

/** A packed segment and its length before packing. */
export interface Packed {
  readonly length: number
  readonly body: Uint8Array
}

/** Packs name and value of pairs. */
export function encodePairs(pairs: readonly (readonly [name: string, value: string])[]): Packed {
  const out = createWriter(pairs.length * 24 + 16)
  for (const [name, value] of pairs) {
    putText(out, name)
    putText(out, value)
  }
  return { length: out.pos, body: compress(written(out)) }
}

/** Undoes `encodePairs`. Throws where the bytes are damaged. */
export function decodePairs(packed: Packed, count: number): [name: string, value: string][] {
  const input = createReader(decompress(packed.body, packed.length))
  return Array.from({ length: count }, () => [getText(input), getText(input)])
}

/** Packs columns, each given as its pairs' numbers sorted by label name. */
export function encodeColumns(columns: readonly Uint32Array[]): Packed {
  const out = createWriter(columns.length * 8 + 16)
  let last = new Uint32Array(0)
  for (const pairs of columns) {
    putVarint(out, pairs.length)
    for (let index = 0; index < pairs.length; index++) {
      const change = (pairs[index] ?? 0) - (last[index] ?? 0)
      putVarint(out, change >= 0 ? change * 2 : -change * 2 - 1)
    }
    last = Uint32Array.from(pairs)
  }
  return { length: out.pos, body: compress(written(out)) }
}

/** Undoes `encodeColumns`. Throws where the bytes are damaged. */
export function decodeColumns(packed: Packed, count: number): Uint32Array[] {
  const input = createReader(decompress(packed.body, packed.length))
  const columns: Uint32Array[] = []
  let last = new Uint32Array(0)
  for (let column = 0; column < count; column++) {
    const pairs = new Uint32Array(getVarint(input))
    for (let index = 0; index < pairs.length; index++) {
      const change = getVarint(input)
      pairs[index] = (last[index] ?? 0) + (change % 2 === 0 ? change / 2 : -(change + 1) / 2)
    }
    columns.push(pairs)
    last = pairs
  }
  return columns
}

/** Packs the columns in which nothing was read lately, with the second in which each was last. */
export function encodeDead(dead: readonly (readonly [column: number, seenS: number])[]): Uint8Array {
  const out = createWriter(dead.length * 8 + 8)
  let last = 0
  putVarint(out, dead.length)
  for (const [column, seen] of dead) {
    putVarint(out, column - last)
    putVarint(out, seen)
    last = column
  }
  return written(out)
}

/** Undoes `encodeDead`. */
export function decodeDead(body: Uint8Array): [column: number, seenS: number][] {
  if (body.length === 0) return []
  const input = createReader(body)
  let last = 0
  return Array.from({ length: getVarint(input) }, () => {
    last += getVarint(input)
    return [last, getVarint(input)]
  })
}
