import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { byCodePoint, compareLabelSets, fingerprintOf, goQuote, labelSetText } from './label-set.ts'

/** FNV-1a by the book. */
function model(labels: Readonly<Record<string, string>>): string {
  let hash = 0xcbf29ce484222325n
  const add = (byte: number): void => {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  for (const name of Object.keys(labels).sort()) {
    for (const byte of Buffer.from(name)) add(byte)
    add(255)
    for (const byte of Buffer.from(labels[name] ?? '')) add(byte)
    add(255)
  }
  return hash.toString(16).padStart(16, '0')
}

const labelSets = fc.dictionary(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/), fc.string({ unit: 'grapheme', minLength: 1 }), { maxKeys: 6 })

describe('fingerprints', () => {
  it('are those that Alertmanager printed', () => {
    expect(fingerprintOf({ alertname: 'Load', cluster: 'y', instance: 'y-1', job: 'node', severity: 'info' })).toBe('a1aab30d6e687c1d')
    expect(fingerprintOf({ severity: 'warning', cluster: 'x', alertname: 'Load' })).toBe('dad7a9d9f48ab48b')
    expect(fingerprintOf({})).toBe('cbf29ce484222325')
  })
  it('agree with 64-bit arithmetic', () => {
    fc.assert(fc.property(labelSets, (labels) => fingerprintOf(labels) === model(labels)), { seed, numRuns: 300 })
  })
})

describe('texts', () => {
  it('are as Go prints them', () => {
    expect(goQuote('a"b\\c\nd\te\u0001数\u00a0\u{1f600}\u200b')).toBe('"a\\"b\\\\c\\nd\\te\\x01数\\u00a0\u{1f600}\\u200b"')
    // Ordered as whole pairs: '1' comes before '='.
    expect(labelSetText({ a: '1', a1: '2', A: '3' })).toBe('{A="3", a1="2", a="1"}')
    expect(labelSetText({})).toBe('{}')
  })
  it('byCodePoint orders as UTF-8 bytes do', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => Math.sign(byCodePoint(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b))), { seed, numRuns: 500 })
  })
  it('compareLabelSets is an order', () => {
    fc.assert(fc.property(labelSets, labelSets, labelSets, (a, b, c) => {
      expect(Math.sign(compareLabelSets(a, b)) + Math.sign(compareLabelSets(b, a))).toBe(0)
      if (compareLabelSets(a, b) <= 0 && compareLabelSets(b, c) <= 0) expect(compareLabelSets(a, c)).toBeLessThanOrEqual(0)
    }), { seed })
  })
})
