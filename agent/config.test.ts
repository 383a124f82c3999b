import { describe, expect, it } from 'vitest'
import { SettingsError } from '../protocol/settings.ts'
import { loadAgentSettings, parseAgentSettings } from './config.ts'

const sources = ['cpu', 'meminfo', 'filesystem']

async function mistakes(text: string): Promise<readonly string[]> {
  try {
    await parseAgentSettings(text, sources)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes
    throw error
  }
}

describe('agent.yml', () => {
  it('has a default for every key', async () => {
    expect(await parseAgentSettings('', sources)).toEqual({
      home: undefined,
      collectors: undefined,
      intervalMs: 15_000,
      disabled: [],
      spoolBytes: 256 * 1024 * 1024,
      metrics: undefined,
      log: 'info',
    })
  })

  it('reads every key', async () => {
    const text = `
home: /var/lib/zhishou-agent
collector: [https://10.0.0.1:8643, 'https://[fd00::1]:8643']
interval: 5s
sources: { disabled: [cpu] }
spool: { maxBytes: 1GiB }
metrics: { listen: '127.0.0.1:9101' }
log: debug
`
    expect(await parseAgentSettings(text, sources)).toEqual({
      home: '/var/lib/zhishou-agent',
      collectors: ['https://10.0.0.1:8643', 'https://[fd00::1]:8643'],
      intervalMs: 5_000,
      disabled: ['cpu'],
      spoolBytes: 1024 ** 3,
      metrics: { host: '127.0.0.1', port: 9101 },
      log: 'debug',
    })
  })

  it('reports every mistake at once, each with its key path', async () => {
    const text = `
interval: 15
intervall: 15s
collector: [http://10.0.0.1]
sources: { disabled: [cpus] }
spool: { maxBytes: 256MB, maxByte: 1 }
metrics: { listen: '0.0.0.0:9101' }
log: loud
`
    const found = await mistakes(text)
    expect(found).toEqual(
      expect.arrayContaining([
        'agent.yml: interval: expected a text, got 15',
        'agent.yml: intervall: unknown key, did you mean interval?',
        'agent.yml: collector.0: expected https://HOST:PORT without a path, got "http://10.0.0.1"',
        'agent.yml: spool.maxBytes: expected a size with a unit such as 256MiB, got "256MB"',
        'agent.yml: spool.maxByte: unknown key, did you mean maxBytes?',
        'agent.yml: metrics.listen: expected HOST:PORT on a loopback address (127.0.0.1, [::1] or localhost), got "0.0.0.0:9101"',
        'agent.yml: sources.disabled: no source is called "cpus", did you mean cpu?',
      ]),
    )
    expect(found.some((line) => line.startsWith('agent.yml: log: '))).toBe(true)
    expect(found).toHaveLength(8)
    expect(await mistakes('interval: 500ms')).toEqual(['agent.yml: interval: expected a duration from 1s to 60s, got "500ms"'])
    expect((await mistakes('a: ['))[0]).toMatch(/^agent.yml: /)
  })

  it('names a file that is asked for and not there', async () => {
    await expect(loadAgentSettings('/nonexistent', sources, '/nonexistent/x.yml')).rejects.toThrow(/cannot be read/)
    expect((await loadAgentSettings('/nonexistent', sources)).intervalMs).toBe(15_000)
  })
})
