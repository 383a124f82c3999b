/** Seals what a stopped collector left in its log, then prints the size of metrics.db: the peer's figure is merged too. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../collector/store/open-store.ts'
import { storeSettings } from '../collector/store/settings.ts'

const home = process.argv[2] ?? ''
const path = join(home, 'metrics.db')
// A day later every open row is old enough for a chunk: rows replayed from the log count from when the store was opened.
const opened = Date.now()
const later = opened + 86_400_000
const store = openStore({ path, now: () => opened, settings: storeSettings.parse({}) })
for (let rounds = 0; rounds < 20_000 && store.stats().headSamples > 0; rounds++) store.maintain(later + rounds * 60_000)
const { chunkBytes, logBytes, headSamples } = store.stats()
await store.close()
console.log(JSON.stringify({ chunkBytes, logBytes, headSamples, fileBytes: statSync(path).size }))
