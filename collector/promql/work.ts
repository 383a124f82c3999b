/**
 * Work in small pieces: a generator that yields wherever others may be let in. Who drives it decides what a yield means:
 * `finish` goes straight on, the rules give the thread away once they have held it for a while.
 */
export type Work<T> = Generator<undefined, T, undefined>

/** Does all of it at once. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}
