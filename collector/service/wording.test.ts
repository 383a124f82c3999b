import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../protocol/settings.ts'
import { blindReasons } from './blind.ts'
import { requestKinds, requestStates } from './request.ts'
import { flags } from './terms.ts'
import { parseServiceWording } from './wording.ts'

const text = readFileSync(new URL('../../alerts/templates/service.zh-CN.yml', import.meta.url), 'utf8')
const mistakes = (changed: string): string => {
  try {
    parseServiceWording(changed, 'service.zh-CN.yml')
    return ''
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes.join('\n')
    throw error
  }
}

describe('the catalogue', () => {
  it('has a word for every kind, state, reason and flag', () => {
    const wording = parseServiceWording(text, 'service.zh-CN.yml')
    expect(Object.keys(wording.request.kind)).toEqual([...requestKinds])
    expect(Object.keys(wording.request.state)).toEqual([...requestStates])
    expect(Object.keys(wording.blind)).toEqual([...blindReasons])
    expect(Object.keys(wording.flag)).toEqual([...flags])
  })

  it('tells a field that nobody fills in, a sentence that is missing, and one too many, when it is loaded', () => {
    expect(mistakes(text.replace('{month}', '{mouth}'))).toMatch(/refusal\.month-before-missing: expected only the fields \{month\}, found \{mouth\}/)
    expect(mistakes(text.replace(/^ {2}same-figure: .*\n/m, ''))).toMatch(/refusal\.same-figure: expected a text, got nothing/)
    expect(mistakes(`${text}\nmore: 1`)).toMatch(/more: unknown key/)
    expect(mistakes('duty: [')).not.toBe('')
  })
})
