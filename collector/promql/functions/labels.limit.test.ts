import { expect, it } from 'vitest'
import { MemoryQuerier } from '../../../test/memory-querier.ts'
import { EvaluationError } from '../errors.ts'
import { evaluateInstant } from '../evaluate.ts'
import { parse } from '../parse.ts'

it('a query cannot make a label of any length: nested calls that double one are refused at once', () => {
  let query = 'label_replace(vector(1), "x", "aaaaaaaaaaaaaaaa", "", "")'
  for (let depth = 0; depth < 40; depth++) query = `label_replace(${query}, "x", "$1$1", "x", "(.*)")`
  expect(() => evaluateInstant(parse(query), new MemoryQuerier(), 0)).toThrow(EvaluationError)
  expect(() => evaluateInstant(parse(query), new MemoryQuerier(), 0)).toThrow(/more than 8192/)
})
