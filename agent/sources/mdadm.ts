import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { stepped, textIfThere } from './steps.ts'

/** The order in which node_exporter knows them. An array has 1 for its own state and 0 for every other. */
const STATES = ['active', 'inactive', 'recovering', 'resync', 'check'] as const
export type ArrayState = (typeof STATES)[number]

const state = gauge('node_md_state', 'Indicates the state of md-device.', 'device', 'state')
const disks = gauge('node_md_disks', 'Number of active/failed/spare disks of device.', 'device', 'state')
const required = gauge('node_md_disks_required', 'Total number of disks of device.', 'device')
const blocks = gauge('node_md_blocks', 'Total number of blocks on device.', 'device')
const synced = gauge('node_md_blocks_synced', 'Number of blocks synced on device.', 'device')

export interface MdArray {
  readonly name: string
  readonly state: ArrayState
  /** Disks the array should have; equal to `active` for levels that cannot miss one. */
  readonly required: number
  readonly active: number
  readonly failed: number
  readonly spare: number
  readonly down: number
  /** Of 1 KiB. */
  readonly blocks: number
  readonly blocksSynced: number
}

/**
 * Arrays of /proc/mdstat. One block of lines each:
 *
 *     md3 : active raid6 sda1[8] sdh1[7](F) sdc1[2](S)
 *           5853468288 blocks super 1.2 level 6, 64k chunk, algorithm 2 [8/7] [UUUUUUU_]
 *           [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec
 *
 * Containers and inactive arrays have no `[n/m]`. Source: kernel drivers/md/md.c, `md_seq_show`. Throws on an array whose
 * second line names no blocks.
 */
export function parseMdstat(text: string): readonly MdArray[] {
  const arrays: MdArray[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const head = /^(md[^\s:]*)\s*: (active|inactive|broken|external)\b(.*)$/.exec(line)
    if (head === null) continue
    const [, name = '', word, rest = ''] = head
    const body: string[] = []
    for (const next of lines.slice(index + 1)) {
      if (next.trim() === '' || !/^\s/.test(next)) break
      body.push(next)
    }
    const size = /(\d+) blocks/.exec(body[0] ?? '')
    if (size === null) throw new Error(`mdstat: no size of ${name}: ${JSON.stringify((body[0] ?? '').slice(0, 80))}`)
    const total = Number(size[1])
    const members = rest.match(/\S+\[\d+\](?:\([A-Z]\))*/g) ?? []
    const marked = (mark: string): number => members.filter((member) => member.includes(`(${mark})`)).length
    const working = /\[(\d+)\/(\d+)\]/.exec(body[0] ?? '')
    const failed = marked('F')
    const spare = marked('S')
    const needed = working === null ? members.length - failed - spare : Number(working[1])
    const active = working === null ? needed : Number(working[2])
    const progress = body.map((part) => /(recovery|reshape|resync|check)\s*=\s*(?:[\d.]+% \((\d+)\/\d+\)|(\w+))?/.exec(part)).find((found) => found !== null)
    arrays.push({
      name,
      state: stateOf(word, progress?.[1]),
      required: needed,
      active,
      failed,
      spare,
      down: /\[([U_]+)\]/.exec(body[0] ?? '')?.[1]?.replaceAll('U', '').length ?? 0,
      blocks: total,
      blocksSynced: progress === undefined || progress === null ? total : Number(progress[2] ?? 0),
    })
  }
  return arrays
}

function stateOf(word: string | undefined, action: string | undefined): ArrayState {
  if (action === 'recovery' || action === 'reshape') return 'recovering'
  if (action === 'resync' || action === 'check') return action
  return word === 'inactive' || word === 'broken' ? 'inactive' : 'active'
}

/** Linux software RAID. Absent where the md driver is not loaded. */
export const mdadm = stepped({
  name: 'mdadm',
  cadence: 'tick',
  timeoutMs: 2_000,
  series: [state, disks, required, blocks, synced],
  *steps(host, out) {
    const text = yield* textIfThere(host, '/proc/mdstat')
    if (text === undefined) return { kind: 'absent', why: 'the software RAID driver is not loaded' }
    for (const array of parseMdstat(text)) {
      for (const name of STATES) out.sample(out.series(state, array.name, name), array.state === name ? 1 : 0)
      for (const name of ['active', 'failed', 'spare', 'down'] as const) out.sample(out.series(disks, array.name, name), array[name])
      out.sample(out.series(required, array.name), array.required)
      out.sample(out.series(blocks, array.name), array.blocks)
      out.sample(out.series(synced, array.name), array.blocksSynced)
    }
    return ok
  },
})
