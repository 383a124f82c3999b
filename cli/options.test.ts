import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { collectorCommand } from './collector.ts'
import { run } from './main.ts'
import { UsageError, homeFolder, readFlags, readListen, readOptions } from './options.ts'
import { rulesCommand } from './rules.ts'

describe('readOptions', () => {
  it('reads options and what else stands there', () => {
    expect(readOptions(['--home', '/x', 'file', '--http=127.0.0.1:1'], ['home', 'http', 'tls'])).toEqual({ values: { home: '/x', http: '127.0.0.1:1' }, positionals: ['file'] })
  })

  it.each([[['--hom', '/x']], [['--home']], [['-x']]])('%j is wrong use', (argv) => {
    expect(() => readOptions(argv, ['home'])).toThrow(UsageError)
  })
})

describe('readFlags', () => {
  it('takes switches out, and none from behind a lone --', () => {
    const { flags, rest } = readFlags(['--strict', '--home', '/x', '--', '--strict'], ['strict', 'all'])
    expect([...flags]).toEqual(['strict'])
    expect(rest).toEqual(['--home', '/x', '--', '--strict'])
  })
})

describe('readListen', () => {
  it.each([
    ['127.0.0.1:8600', { host: '127.0.0.1', port: 8600 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [undefined, undefined],
  ])('%s', (text, listen) => expect(readListen(text, 'http')).toEqual(listen))

  it.each(['', '8600', 'host', 'host:', ':80', 'host:65536', '::1:80', 'a b:80'])('%j is wrong use', (text) => {
    expect(() => readListen(text, 'http')).toThrow(`--http ${text}: expected HOST:PORT`)
  })
})

describe('homeFolder', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('is the option, else ZHISHOU_HOME, else ./data', () => {
    vi.stubEnv('ZHISHOU_HOME', '/from/env')
    expect(homeFolder('/from/option')).toBe('/from/option')
    expect(homeFolder(undefined)).toBe('/from/env')
    vi.stubEnv('ZHISHOU_HOME', undefined)
    expect(homeFolder(undefined)).toBe(resolve('data'))
    expect(homeFolder('~/zhishou')).toBe(`${homedir()}/zhishou`)
  })
})

describe('exit codes', () => {
  let said = ''
  beforeEach(() => {
    said = ''
    const keep = (text: unknown): boolean => {
      said += String(text)
      return true
    }
    vi.spyOn(process.stdout, 'write').mockImplementation(keep)
    vi.spyOn(process.stderr, 'write').mockImplementation(keep)
  })
  afterEach(() => vi.restoreAllMocks())

  it('wrong use is 2, help is 0', async () => {
    expect(await run([])).toBe(2)
    expect(await run(['fly'])).toBe(2)
    expect(said).toContain('unknown command fly')
    expect(await run(['--help'])).toBe(0)
    for (const argv of [[], ['fly'], ['run', '--hom', 'x'], ['run', 'extra'], ['run', '--http', 'nowhere'], ['check-config', 'a', 'b'], ['token'], ['token', '--host', 'a b'], ['token', '--host', 'a', '--role', 'duty'], ['token', '--role', 'duty'], ['token', '--role', 'duty', '--name', 'a b'], ['token', '--role', 'duty', '--name', 'a', '--expires', 'soon'], ['token', '--role', 'duty', '--name', 'a', '--expires', '9999d'], ['token', '--role', 'duty', '--name', 'a', '--address', 'x'], ['token', '--host', 'a', '--expires', '1d'], ['tokens'], ['tokens', 'revoke'], ['tokens', 'list', 'x'], ['tokens', 'drop', 'x']]) expect(`${argv.join(' ')} ${await collectorCommand(argv)}`).toBe(`${argv.join(' ')} 2`)
    expect(await rulesCommand([])).toBe(2)
    expect(await rulesCommand(['check'])).toBe(2)
  })

  it('findings are 1', async () => {
    expect(await collectorCommand(['check-config', '/nonexistent/collector.yml'])).toBe(1)
    expect(said).toContain('/nonexistent/collector.yml: cannot be read')
    expect(await collectorCommand(['token', '--host', 'web-01', '--home', '/nonexistent'])).toBe(1)
    expect(said).toContain('no collector has been started here')
  })
})
