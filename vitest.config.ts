import { defineConfig } from 'vitest/config'

/** Whether every count an issue names is run (`npm run test:full`) instead of a seeded sample. */
const full = process.env['ZHISHOU_TEST'] === 'full'

const pool = { pool: 'forks', teardownTimeout: 5_000 } as const

/** The e2e suites wait more than they work: two at a time, after all the others. */
export default defineConfig({
  test: {
    projects: [
      { test: { ...pool, name: 'unit', include: ['{protocol,agent,collector,cli,scripts,alerts}/**/*.test.ts'], testTimeout: full ? 600_000 : 30_000 } },
      { test: { ...pool, name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: full ? 600_000 : 60_000 } },
      { test: { ...pool, name: 'integration', include: ['test/integration/**/*.test.ts'], testTimeout: full ? 1_800_000 : 180_000, hookTimeout: 120_000 } },
      { test: { ...pool, name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: full ? 3_000_000 : 300_000, hookTimeout: 120_000, maxWorkers: 2, sequence: { groupOrder: 1 } } },
    ],
  },
})
