import { expect, test } from 'vitest'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import { gauge } from '../../protocol/series.ts'
import type { Host } from '../host.ts'
import { ok } from './source.ts'
import { attribute, runSteps, settled, stepped, textIfThere } from './steps.ts'

const spec = gauge('node_test', 'A test.')
const source = stepped({
  name: 'test',
  cadence: 'tick',
  timeoutMs: 100,
  series: [spec],
  *steps(host, out) {
    const first = yield* settled(host.read('/a'))
    const second = yield* textIfThere(host, '/b')
    out.sample(out.series(spec), Number(first) + Number(second ?? 0))
    return ok
  },
})
const signal = new AbortController().signal
const later = (host: Host): Host => ({ ...host, read: (path) => Promise.resolve().then(() => host.read(path)) })

test('a host that answers at once gives an outcome at once', () => {
  const sink = recordingSink()
  expect(source.read(memoryHost({ files: { '/a': '1', '/b': '2' } }), sink, signal)).toEqual(ok)
  expect(sink.samples).toEqual({ node_test: 3 })
})

test('a host that answers later gives the same, later', async () => {
  const sink = recordingSink()
  const answer = source.read(later(memoryHost({ files: { '/a': '1', '/b': '2' } })), sink, signal)
  expect(answer).toBeInstanceOf(Promise)
  expect(await answer).toEqual(ok)
  expect(sink.samples).toEqual({ node_test: 3 })
})

test.each([['at once', (host: Host) => host], ['later', later]])('a missing file that may be missing is none, one that must be there a failure (%s)', async (_, through) => {
  const sink = recordingSink()
  expect(await source.read(through(memoryHost({ files: { '/a': '1' } })), sink, signal)).toEqual(ok)
  const outcome = await source.read(through(memoryHost({ files: { '/b': '1' } })), recordingSink(), signal)
  expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'ENOENT' } })
})

test('an attribute that the kernel refuses is none, another error is thrown', async () => {
  const refusing = (code: string): Host => ({
    ...memoryHost({}),
    read: () => {
      throw Object.assign(new Error(code), { code })
    },
  })
  expect(await runSteps(attribute(refusing('EINVAL'), '/x'))).toBeUndefined()
  expect(await runSteps(attribute(refusing('EACCES'), '/x'))).toBeUndefined()
  expect(() => runSteps(attribute(refusing('EMFILE'), '/x'))).toThrow('EMFILE')
  expect(() => runSteps(textIfThere(refusing('EACCES'), '/x'))).toThrow('EACCES')
})
