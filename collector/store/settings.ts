import * as z from 'zod'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIB = 1024 * 1024
const duration = z.int().min(1)
const size = z.int().min(0)

/**
 * `store:` of the collector's settings, in milliseconds and bytes (the settings file's units are resolved before).
 * Everything has a default that suits a site of up to 1,000 servers.
 */
export const storeSettings = z.strictObject({
  /** How long samples are kept. */
  retentionMs: duration.default(400 * DAY_MS),
  /** Kept shorter or longer by group name (`tick`, `minute`, `hour`, …). */
  groupRetentionMs: z.record(z.string(), duration).default({}),
  /** How long events, facts that were replaced since, and check results are kept. */
  eventRetentionMs: duration.default(400 * DAY_MS),
  /** Rows older than this are refused and counted. */
  lateWindowMs: duration.default(31 * DAY_MS),
  /** Rows further ahead of the collector's clock than this are refused and counted. */
  futureMs: duration.default(HOUR_MS),
  /** Longest time an accepted batch waits for others to share its commit. */
  commitDelayMs: z.int().min(0).default(25),
  /** Bytes waiting that start a commit at once. */
  commitBytes: z.int().min(1).default(MIB),
  /** Rows go to a chunk at this age even if it is not full, so that the log in front stays short. */
  sealAgeMs: duration.default(HOUR_MS),
  /** Cells packed into chunks in one `maintain`: about 25 ns each. */
  sealCells: z.int().min(1).default(150_000),
  /** With less free space than this, samples are kept for a shorter time, oldest go first … */
  lowBytes: size.default(1_024 * MIB),
  /** … but never shorter than this; … */
  leastRetentionMs: duration.default(DAY_MS),
  /** … and below this nothing is accepted, so that state and audit on the same disk can still be written. */
  floorBytes: size.default(256 * MIB),
})

export type StoreSettings = Readonly<z.infer<typeof storeSettings>>
