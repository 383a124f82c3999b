import { METRIC_NAME, type Labels } from '../../protocol/series.ts'
import type { GroupId, Store } from '../store/store.ts'

export interface DefinitionLimits {
  readonly groups: number
  /** Series of one agent; further ones are left out, the rest is stored. */
  readonly series: number
}

/** Where the columns of one group of one connection go in the store. */
export interface GroupMap {
  readonly id: GroupId
  /** Columns defined so far, refused ones included. */
  readonly width: number
  /** Store column by connection column; HOLE where the series was refused. Longer than `width` where room is kept. */
  readonly columns: Uint32Array
  /** Every column goes to the store column of its own number. */
  readonly identity: boolean
  /** Some column is a HOLE. */
  readonly holes: boolean
}

/** A series that is not stored, with the reason. Costs only itself: the rest of its group goes on. */
export interface RefusedSeries {
  readonly code: 'malformed' | 'limit'
  readonly why: string
}

export interface Definitions {
  /** Adds columns to a group and says which index the connection knows it by, and what was refused. Throws DefinitionError. */
  add(group: string, columns: readonly Labels[]): { readonly index: number; readonly refused: readonly RefusedSeries[] }
  map(index: number): GroupMap | undefined
}

/** The connection cannot go on: more groups than allowed. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError'
}

export const HOLE = 0xffffffff

/** One connection's columns. `instance` and `job` are added to every label set. */
export function createDefinitions(store: Pick<Store, 'group' | 'columns'>, instance: string, limits: DefinitionLimits): Definitions {
  const indexes = new Map<string, number>()
  const maps: { id: GroupId; width: number; columns: Uint32Array; identity: boolean; holes: boolean; taken: Uint8Array }[] = []
  let series = 0

  const open = (group: string): number => {
    const known = indexes.get(group)
    if (known !== undefined) return known
    if (maps.length >= limits.groups) throw new DefinitionError(`more than ${limits.groups} groups on one connection`)
    indexes.set(group, maps.length)
    maps.push({ id: store.group(instance, group), width: 0, columns: new Uint32Array(0), identity: true, holes: false, taken: new Uint8Array(0) })
    return maps.length - 1
  }

  return {
    map: (index) => maps[index],
    add(group, columns) {
      const index = open(group)
      const map = maps[index]
      if (map === undefined) throw new DefinitionError(`group ${group} is not there`)
      const refused: RefusedSeries[] = []
      const good: Labels[] = []
      const places: number[] = []
      for (const [place, labels] of columns.entries()) {
        const problem = series >= limits.series ? ({ code: 'limit', why: `more than ${limits.series} series from one agent` } as const) : labelProblem(labels)
        if (problem !== undefined) {
          refused.push(problem)
          continue
        }
        series++
        good.push(complete(labels, instance))
        places.push(map.width + place)
      }

      const room = new Uint32Array(map.width + columns.length).fill(HOLE)
      room.set(map.columns.subarray(0, map.width))
      const stored = store.columns(map.id, good)
      const taken = withRoom(map.taken, stored)
      map.taken = taken
      for (const [n, place] of places.entries()) {
        const column = stored[n] ?? HOLE
        // A row has one cell a column; the same series twice would be two values for one.
        if (taken[column] === 1) refused.push({ code: 'malformed', why: `a series was defined twice in group ${group}` })
        else {
          taken[column] = 1
          room[place] = column
        }
      }
      for (let place = map.width; place < room.length; place++) {
        if (room[place] === HOLE) map.holes = true
        if (room[place] !== place) map.identity = false
      }
      map.columns = room
      map.width = room.length
      return { index, refused }
    },
  }
}

/** One byte a store column, 1 where the connection has it: with room for these columns. A Set takes 35 times as much. */
function withRoom(taken: Uint8Array, columns: Uint32Array): Uint8Array {
  const need = columns.reduce((most, column) => Math.max(most, column + 1), 0)
  if (need <= taken.length) return taken
  const larger = new Uint8Array(need)
  larger.set(taken)
  return larger
}

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const MAX_LABELS = 40

/** Prometheus's rules for names (prometheus.io/docs/concepts/data_model); lengths are bounded by the frame's schema. */
function labelProblem(labels: Labels): RefusedSeries | undefined {
  const name = labels[METRIC_NAME]
  if (name === undefined || !NAME.test(name)) return { code: 'malformed', why: `bad metric name ${JSON.stringify(name ?? '').slice(0, 100)}` }
  const keys = Object.keys(labels)
  if (keys.length > MAX_LABELS) return { code: 'limit', why: `${name} has more than ${MAX_LABELS} labels` }
  for (const key of keys) {
    if (key !== METRIC_NAME && (!LABEL_NAME.test(key) || key.startsWith('__'))) return { code: 'malformed', why: `${name} has a bad label name ${JSON.stringify(key).slice(0, 100)}` }
    if (!(labels[key] ?? '').isWellFormed()) return { code: 'malformed', why: `${name} has a label ${key} that is no valid text` }
  }
  return undefined
}

/**
 * The label set as it is stored. An agent may speak only for itself: its own `instance` or `job` is kept under the name
 * that Prometheus gives such labels (`honor_labels: false`).
 */
function complete(labels: Labels, instance: string): Labels {
  const all: Record<string, string> = {}
  for (const [key, value] of Object.entries(labels)) {
    if (value === '') continue
    all[key === 'instance' || key === 'job' ? `exported_${key}` : key] = value
  }
  all['instance'] = instance
  all['job'] = 'node'
  return all
}
