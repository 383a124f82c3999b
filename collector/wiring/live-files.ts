/**
 * The files of alerting as they are now. Rooms hold parts of them for as long as they run (the topology, a catalogue); each
 * such part reads through to the present content, so that taking a changed file into use is one act for all rooms.
 */
import type { AlertFiles } from '../alert-files.ts'

/** Files that can be replaced. */
export interface LiveFiles {
  /** Reads through to what was put in place last, also below its first level. */
  readonly view: AlertFiles
  /** What is in place now, as it was parsed. */
  present(): AlertFiles
  replace(next: AlertFiles): void
}

/** Begins with these. */
export function liveFiles(first: AlertFiles): LiveFiles {
  let present = first
  const view: AlertFiles = {
    get routes() {
      return present.routes
    },
    get duty() {
      return present.duty
    },
    get terms() {
      return present.terms
    },
    get missing() {
      return present.missing
    },
    topology: readThrough(() => present.topology),
    profiles: readThrough(() => present.profiles),
    wording: readThrough(() => present.wording),
    serviceWording: readThrough(() => present.serviceWording),
  }
  return {
    view,
    present: () => present,
    replace(next) {
      present = next
    },
  }
}

/** An object whose every property is that of `read()` at the moment it is asked for. It cannot be written. */
function readThrough<T extends object>(read: () => T): T {
  // A copy behind it: of a frozen object a proxy must go on showing the first values.
  return new Proxy<T>({ ...read() }, {
    get: (_, key): unknown => Reflect.get(read(), key),
    has: (_, key) => Reflect.has(read(), key),
    ownKeys: () => Reflect.ownKeys(read()),
    getOwnPropertyDescriptor(_, key) {
      const found = Reflect.getOwnPropertyDescriptor(read(), key)
      return found === undefined ? undefined : { ...found, configurable: true }
    },
    set: () => false,
    deleteProperty: () => false,
    defineProperty: () => false,
  })
}
