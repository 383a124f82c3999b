/** Whether every count an issue names is run (`npm run test:full`) instead of a seeded sample. */
export const full = process.env['ZHISHOU_TEST'] === 'full'

/** Seed of every random test; printed by those that use it, set by ZHISHOU_SEED to repeat one. */
export const seed = Number(process.env['ZHISHOU_SEED'] ?? 20261122)

/** Picks a test's count: the sample in `npm test`, the whole in `npm run test:full`. */
export function scaled(sample: number, whole: number): number {
  return full ? whole : sample
}
