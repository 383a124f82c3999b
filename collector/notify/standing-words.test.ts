import { describe, expect, it } from 'vitest'
import type { Rendered } from './channel.ts'
import { standingWords } from './standing-words.ts'

const about = (number: string) => ({ payload: { kind: 'incident', incident: { number } } })
const words = (subject: string): Rendered => ({ severity: 'critical', fields: {}, subject, brief: '', text: '', html: '', markdown: '', webhook: {} }) as unknown as Rendered
const into = new Map([['F-1', 'F-3'], ['F-2', 'F-3']])
const spokesman = (number: string): string => into.get(number) ?? number

describe('standingWords', () => {
  it('lets a cause that goes along speak for what it has absorbed', () => {
    expect(standingWords([about('F-1'), about('F-2'), about('F-3'), about('F-4')], ['1', '2', '3', '4'].map(words), spokesman).map((one) => one.subject)).toEqual(['3', '4'])
  })

  it('leaves everything where the cause is not told here', () => {
    expect(standingWords([about('F-1'), about('F-2')], ['1', '2'].map(words), spokesman)).toHaveLength(2)
  })

  it('keeps what is about no incident', () => {
    expect(standingWords([about('F-1'), { payload: { kind: 'alerts' } }, { payload: null }, about('F-3')], ['1', 'a', 'b', '3'].map(words), spokesman).map((one) => one.subject)).toEqual(['a', 'b', '3'])
  })
})
