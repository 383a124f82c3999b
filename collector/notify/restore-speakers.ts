/** Which incidents spoke before a restart: without them the first flush would tell their alerts one by one. */
import type { Kysely } from 'kysely'
import type { Incident } from '../incidents/incident.ts'
import { incidentByNumber } from '../incidents/storage.ts'
import type { Schema } from '../state/schema.ts'
import type { Speakers } from './incident-alert.ts'
import { loadAlerts } from './route-storage.ts'

/**
 * Notes every live incident, and those whose alert routing still holds although they have gone into another one: their
 * end is not to be told. To be called before routing starts; what it cannot read routing leaves out and logs itself.
 */
export async function restoreSpeakers(speakers: Speakers, db: Kysely<Schema>, live: readonly Incident[], now: number): Promise<void> {
  const noted = new Set<string>()
  const note = (incident: Incident): void => {
    speakers.note(incident, now)
    noted.add(incident.number)
  }
  for (const incident of live) note(incident)
  for (const { alert } of await loadAlerts(db, Number.MAX_SAFE_INTEGER, () => undefined)) {
    let number = alert.labels['incident']
    // Until one that is known: where it went into, and where that one did.
    while (number !== undefined && !noted.has(number)) {
      const incident: Incident | undefined = await incidentByNumber(db, number)
      if (incident === undefined) break
      note(incident)
      number = incident.mergedInto?.number
    }
  }
}
