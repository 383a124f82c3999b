import { describe, expect, it } from 'vitest'
import { matcher } from '../store/matcher.ts'
import type { Querier } from '../store/store.ts'
import { parse } from '../promql/parse.ts'
import { askVector } from './ask.ts'
import { byInstance } from './by-instance.ts'
import { memorySeries } from './memory-series.ts'
import type { MemorySeries } from './memory-series.ts'
import { overlay } from './overlay.ts'
import { groupResults, sharedParts } from './shared-parts.ts'
import { windowsOver } from './windows.ts'

const t = 1_700_000_000_000

function counted(under: Querier): Querier & { readonly asked: string[] } {
  const asked: string[] = []
  return { asked, select: (matchers, fromMs, toMs) => { asked.push(matchers.map(({ value }) => value).join()); return under.select(matchers, fromMs, toMs) } }
}

function fleet(hosts: number): MemorySeries {
  const memory = memorySeries()
  for (let host = 0; host < hosts; host++) for (let at = t - 60_000; at <= t; at += 15_000) memory.add({ __name__: 'x', instance: `h${host}` }, at, host)
  memory.add({ __name__: 'x' }, t, -1)
  return memory
}

describe('parts that the rules of a group share', () => {
  it('are read once, and again after a rule wrote what they read', () => {
    const texts = ['x / y > 3', '(x / y) < 1 and z == 0', 'y']
    const expressions = texts.map((text) => parse(text))
    const parts = sharedParts(expressions)
    const memory = memorySeries()
    for (const [name, value] of [['x', 8], ['y', 2], ['z', 0]] as const) memory.add({ __name__: name, instance: 'h1' }, t, value)
    const under = counted(memory)
    const over = overlay(under)
    const shared = groupResults(parts)
    const ask = (index: number): readonly number[] => askVector(expressions[index]!, over, t + 1, { shared }).map(({ value }) => value)
    expect([ask(0), ask(1), ask(2)]).toEqual([[4], [], [2]])
    // z is asked first, being cheaper; x and y are not asked again.
    expect(under.asked).toEqual(['x', 'y', 'z'])
    over.put(t + 1, [{ labels: { __name__: 'y', instance: 'h1' }, value: 16 }], [])
    shared.written([{ __name__: 'y', instance: 'h1' }])
    expect([ask(0), ask(1), ask(2)]).toEqual([[], [0.5], [16]])
    expect(groupResults(parts).get(expressions[2]!)).toBeUndefined()
  })

  it('forgets parts without a metric name whatever was written', () => {
    const expressions = [parse('{job="a"}'), parse('{job="a"} > 1')]
    const shared = groupResults(sharedParts(expressions))
    const memory = memorySeries()
    memory.add({ __name__: 'x', job: 'a' }, t, 1)
    askVector(expressions[0]!, memory, t, { shared })
    expect(shared.get(expressions[0]!)).toBeDefined()
    shared.written([{ __name__: 'other' }])
    expect(shared.get(expressions[0]!)).toBeUndefined()
  })
})

describe('asking by instance', () => {
  it('reads everything once when many instances are asked for, with the same answers', () => {
    const memory = fleet(50)
    const under = counted(memory)
    const near = byInstance(under)
    for (let host = 0; host < 50; host++) {
      const one = matcher('instance', '=~', `h${host}|`)
      const matchers = [matcher('__name__', '=', 'x'), one]
      const texts = (querier: Querier): readonly string[] => querier.select(matchers, t - 20_000, t).map(({ labels, times }) => `${labels['instance'] ?? ''} ${times.join()}`).sort()
      expect(texts(near)).toEqual(texts(memory))
    }
    expect(under.asked).toHaveLength(9)
  })
})

describe('windows', () => {
  it('are cut out of one selection', () => {
    const memory = fleet(3)
    const under = counted(memory)
    const windows = windowsOver(under, 60_000)
    const matchers = [matcher('__name__', '=', 'x')]
    for (const to of [t, t - 1, t - 15_000, t - 45_000]) {
      const shown = (querier: Querier): unknown => querier.select(matchers, to - 14_999, to).map(({ labels, times, values }) => [labels, [...times], [...values]])
      expect(shown(windows)).toEqual(shown(memory))
    }
    expect(under.asked).toHaveLength(1)
    windows.select(matchers, t - 300_000, t)
    expect(under.asked).toHaveLength(2)
  })
})

describe('the overlay', () => {
  it('gives the newest samples as an instant selector would find them', () => {
    const memory = fleet(3)
    const whole: Querier = {
      select: memory.select.bind(memory),
      selectLatest(matchers, atMs, lookbackMs) {
        const found = memory.select(matchers, atMs - lookbackMs + 1, atMs)
        return { labels: found.map(({ labels }) => labels), times: Float64Array.from(found, ({ times }) => times.at(-1)!), values: Float64Array.from(found, ({ values }) => values.at(-1)!) }
      },
    }
    const writes = [
      // As many as are stored, but others.
      (over: ReturnType<typeof overlay>) => over.put(t + 1, ['h0', 'h1', 'h2', 'new'].map((instance, index) => ({ labels: { __name__: 'x', instance }, value: index })), []),
      (over: ReturnType<typeof overlay>) => over.put(t + 1, [{ labels: { __name__: 'x', instance: 'h1' }, value: 70 }, { labels: { __name__: 'x', instance: 'new' }, value: 71 }], [{ __name__: 'x', instance: 'h2' }]),
      (over: ReturnType<typeof overlay>) => over.put(t + 1, ['h0', 'h1', 'h2'].map((instance, index) => ({ labels: { __name__: 'x', instance }, value: index })), [{ __name__: 'x' }]),
      (over: ReturnType<typeof overlay>) => over.put(t + 1, [...['h0', 'h1', 'h2'].map((instance, index) => ({ labels: { __name__: 'x', instance }, value: index })), { labels: { __name__: 'x' }, value: 9 }], []),
    ]
    for (const write of writes) {
      const answers = [overlay(memory), overlay(whole)].map((over) => {
        write(over)
        return askVector(parse('x'), over, t + 1).map(({ labels, value }) => `${labels['instance'] ?? ''} ${value}`).sort()
      })
      expect(answers[0]).toEqual(answers[1])
      expect(answers[0]?.length).toBeGreaterThan(2)
    }
  })
})
