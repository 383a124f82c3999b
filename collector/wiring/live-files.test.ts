import { describe, expect, it } from 'vitest'
import { checkAlertFiles } from '../alert-files.ts'
import { parseCollectorSettings } from '../config.ts'
import { emptyTopology } from '../correlate/topology.ts'
import { liveFiles } from './live-files.ts'

const files = checkAlertFiles(parseCollectorSettings('', 'collector.yml', '/'))

describe('liveFiles', () => {
  it('what a room has taken hold of shows what was put in place last', () => {
    const live = liveFiles(files)
    const { topology, wording, profiles } = live.view
    expect(wording.severity).toBe(files.wording.severity)
    expect(Object.keys(wording)).toEqual(Object.keys(files.wording))
    expect({ ...profiles }).toEqual({ ...files.profiles })
    const severity = { critical: '特急', warning: '急', info: '平' }
    const next = { ...files, wording: { ...files.wording, severity }, topology: { ...emptyTopology, slackMs: 7, downIn: () => undefined }, missing: ['x'] }
    live.replace(next)
    expect(wording.severity).toBe(severity)
    expect(topology.slackMs).toBe(7)
    expect('slackMs' in topology).toBe(true)
    expect(live.view.missing).toEqual(['x'])
    expect(live.present()).toBe(next)
  })

  it('frozen parts are replaced as well, and nothing can be written', () => {
    const live = liveFiles({ ...files, profiles: Object.freeze({ ...files.profiles }) })
    const { profiles } = live.view
    const byName = new Map()
    live.replace({ ...files, profiles: Object.freeze({ ...files.profiles, byName }) })
    expect(profiles.byName).toBe(byName)
    expect(Reflect.set(profiles, 'byName', new Map([['a', 1]]))).toBe(false)
    expect(profiles.byName).toBe(byName)
  })
})
