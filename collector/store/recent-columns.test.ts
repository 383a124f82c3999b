import { expect, test } from 'vitest'
import { bitsOf } from '../../protocol/stale.ts'
import { encodeChunk, openChunk, type Chunk } from './chunk.ts'
import { encodeColumn } from './column.ts'
import { recentColumns } from './recent-columns.ts'
import { recentLists, type TimedChunk } from './recent-lists.ts'

const HOUR = 3_600_000

/** A chunk of four rows from `startMs` on whose column c holds c + 0.5 + row, plus `offset`. */
function chunkOf(startMs: number, columns: number, offset = 0): Chunk {
  const times = Float64Array.from({ length: 4 }, (_, row) => startMs + row * 15_000)
  return openChunk(encodeChunk(times, columns, (column, out, at) => {
    const values = Float64Array.from({ length: 4 }, (_, row) => column + 0.5 + row + offset)
    return encodeColumn(values, bitsOf(values), 4, out, at)
  }))
}

function read(chunk: Chunk | undefined, column: number): number[] | undefined {
  const values = new Float64Array(6)
  return chunk?.read(column, values, bitsOf(values), 1) === true ? [...values.subarray(1, 5)] : undefined
}

test('a column of a young chunk is fetched once and reads as the chunk itself', () => {
  const asked: number[] = []
  const recent = recentColumns((id) => {
    asked.push(id)
    return id < 9 ? chunkOf(id * HOUR / 4, 130) : undefined
  })
  for (let round = 0; round < 3; round++) for (const id of [7, 8]) for (const column of [0, 129, 70]) expect(read(recent.open(id), column)).toEqual([0.5, 1.5, 2.5, 3.5].map((each) => each + column))
  expect(asked).toEqual([7, 8])
  expect(read(recent.open(8), 130)).toBeUndefined()
  expect(recent.open(9)).toBeUndefined()
})

test('old chunks are not kept, and a number that is used again is another chunk', () => {
  const asked: number[] = []
  let offset = 0
  const recent = recentColumns((id) => {
    asked.push(id)
    return chunkOf(id * HOUR, 2, offset)
  })
  read(recent.open(10), 0)
  for (let round = 0; round < 2; round++) for (const id of [5, 6]) expect(read(recent.open(id), 1)).toEqual([1.5, 2.5, 3.5, 4.5])
  expect(asked).toEqual([10, 5, 6, 5, 6])
  recent.forget(10)
  offset = 100
  expect(read(recent.open(10), 0)).toEqual([100.5, 101.5, 102.5, 103.5])
  // One that has grown old since makes room.
  read(recent.open(13), 0)
  read(recent.open(10), 0)
  expect(asked.slice(5)).toEqual([10, 13, 10])
})

test('a damaged section is asked for again and again, and never kept', () => {
  const recent = recentColumns(() => ({ ...chunkOf(HOUR, 2), packed: () => undefined }))
  expect(read(recent.open(1), 0)).toBeUndefined()
  expect(read(recent.open(1), 1)).toBeUndefined()
})

test('lists of chunks are asked for once, unless the group changed or the range reaches back further', () => {
  const asked: string[] = []
  let chunks: TimedChunk[] = [1, 2, 3].map((id) => ({ id, late: false, rows: 4, startMs: id * 100, endMs: id * 100 + 90 }))
  const lists = recentLists((group, fromMs, toMs) => {
    asked.push(`${group} ${fromMs}`)
    return chunks.filter(({ startMs, endMs }) => endMs >= fromMs && startMs <= toMs)
  })
  const ids = (fromMs: number, toMs: number) => lists.list(7, fromMs, toMs).map(({ id }) => id)
  expect(ids(250, 1_000)).toEqual([2, 3])
  expect(ids(291, 1_000)).toEqual([3])
  expect(ids(250, 299)).toEqual([2])
  expect(asked).toEqual(['7 250'])
  expect(ids(190, 1_000)).toEqual([1, 2, 3])
  expect(ids(250, 1_000)).toEqual([2, 3])
  expect(asked).toEqual(['7 250', '7 190'])
  chunks = chunks.slice(1)
  lists.forget(7)
  expect(ids(100, 1_000)).toEqual([2, 3])
  // A long list is not kept.
  chunks = Array.from({ length: 40 }, (_, id) => ({ id, late: false, rows: 4, startMs: id, endMs: id }))
  expect(ids(0, 50).length).toBe(40)
  expect(ids(0, 50).length).toBe(40)
  expect(asked.slice(3)).toEqual(['7 0', '7 0'])
})
