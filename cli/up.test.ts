import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentEnvironment, agentFlags } from './up.ts'

const root = join(import.meta.dirname, '..')

describe('how the agent is started', () => {
  it('is the same in its systemd unit, by `up`, and in the words of agent/main.ts', () => {
    const unit = readFileSync(join(root, 'deploy', 'systemd', 'zhishou-agent.service'), 'utf8')
    const words = readFileSync(join(root, 'agent', 'main.ts'), 'utf8')
    const flags = agentFlags.join(' ')
    const environment = Object.entries(agentEnvironment).map(([name, value]) => `${name}=${value}`).join(' ')
    expect(unit).toContain(`\nExecStart=/opt/zhishou-agent/node ${flags} /opt/zhishou-agent/agent.cjs run\n`)
    expect(unit).toContain(`\nEnvironment=${environment}\n`)
    expect(words).toContain(`\n *   ${flags}\n`)
    expect(words).toContain(`\n *   ${environment}\n`)
  })
})
