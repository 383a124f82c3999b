import type { Host } from '../host.ts'
import { type Outcome, type Sink, type Source } from './source.ts'

/**
 * A read written once for hosts that answer at once and for hosts that answer later. On this machine /proc is read
 * synchronously, so a whole source runs in one go: no promise, no turn of the event loop, and its CPU time can be told
 * from the others'. Where a host gives promises (a thread-pool read, a remote machine) the same code waits at `yield*`.
 */
export type Steps<T> = Generator<Promise<void>, T, void>

/** Waits for a value that may be there already. `const text = yield* settled(host.read(path))`. Throws what it rejects with. */
export function* settled<T>(value: T | Promise<T>): Steps<T> {
  if (!(value instanceof Promise)) return value
  let result: { readonly value: T } | undefined
  yield value.then((got) => {
    result = { value: got }
  })
  if (result === undefined) throw new Error('steps: resumed before the value was there')
  return result.value
}

/** Runs steps as far as they go at once; gives a promise only when they had to wait. */
export function runSteps<T>(steps: Steps<T>): T | Promise<T> {
  const first = steps.next()
  return first.done === true ? first.value : finish(steps, first.value)
}

async function finish<T>(steps: Steps<T>, pending: Promise<void>): Promise<T> {
  for (let waiting = pending; ; ) {
    const next = await waiting.then(
      () => steps.next(),
      (error: unknown) => steps.throw(error),
    )
    if (next.done === true) return next.value
    waiting = next.value
  }
}

/** A failed outcome from whatever was thrown. */
export function failure(error: unknown): Outcome<never> {
  return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
}

export interface SteppedSource extends Omit<Source, 'read'> {
  steps(host: Host, out: Sink, signal: AbortSignal): Steps<Outcome<void>>
}

/** Makes a source from steps. Whatever they throw (a missing file, malformed text) is a failed outcome, never a crash. */
export function stepped({ steps, ...source }: SteppedSource): Source {
  return {
    ...source,
    read(host, out, signal) {
      try {
        const outcome = runSteps(steps(host, out, signal))
        return outcome instanceof Promise ? outcome.catch(failure) : outcome
      } catch (error) {
        return failure(error)
      }
    },
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

const NOT_THERE: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO']
/** What sysfs answers for an attribute that this device or driver does not have, or this user may not see. */
const NOT_GIVEN: readonly unknown[] = [...NOT_THERE, 'EINVAL', 'EACCES', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EIO', 'ENODATA', 'EAGAIN', 'ESRCH']

/** A file's text; undefined where there is no such file. Any other error is thrown. */
export function* textIfThere(host: Host, path: string): Steps<string | undefined> {
  try {
    return yield* settled(host.read(path))
  } catch (error) {
    if (NOT_THERE.includes(codeOf(error))) return undefined
    throw error
  }
}

/** A sysfs attribute without its newline; undefined where it is missing, empty by nature (EINVAL) or not for this user. */
export function* attribute(host: Host, path: string): Steps<string | undefined> {
  try {
    return (yield* settled(host.read(path))).trim()
  } catch (error) {
    if (NOT_GIVEN.includes(codeOf(error))) return undefined
    throw error
  }
}

/** The same through the thread pool, for attributes that ask hardware or firmware when they are read. */
export function* slowAttribute(host: Host, path: string, signal: AbortSignal): Steps<string | undefined> {
  try {
    return (yield* settled(host.readSlow(path, signal))).trim()
  } catch (error) {
    if (NOT_GIVEN.includes(codeOf(error))) return undefined
    throw error
  }
}

/** Names in a folder; undefined where there is no such folder. */
export function* namesIfThere(host: Host, path: string): Steps<readonly string[] | undefined> {
  try {
    return yield* settled(host.list(path))
  } catch (error) {
    if (NOT_THERE.includes(codeOf(error))) return undefined
    throw error
  }
}
