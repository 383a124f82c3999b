import { useMutation, useQueryClient } from '@tanstack/react-query'
import { App, Button } from 'antd'
import { useRef } from 'react'
import type { IncidentDetail } from '../../../protocol/api.ts'
import { type RequestError, addressOf, post, useSession } from '../../api.ts'
import { bytesText } from '../../format.ts'
import { incidentWords, words } from '../../words.ts'

/** What the collector takes; said here too, since a browser does not read an answer while it is still sending. */
const MOST_BYTES = 10 * 1_048_576

/** Files of an incident: added, and downloaded; never opened in the page. */
export function Attachments({ incident }: { readonly incident: IncidentDetail }) {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  const input = useRef<HTMLInputElement>(null)
  const path = `/incidents/${encodeURIComponent(incident.number)}/attachments`
  const add = useMutation<IncidentDetail, RequestError, File>({
    mutationFn: (file) => {
      const form = new FormData()
      form.set('file', file)
      return post<IncidentDetail>(path, form, session.csrf)
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['incidents'] }),
    onError: (error) => void message.error(error.message),
  })
  return (
    <section className="card">
      <div className="row spread">
        <strong>{incidentWords.attachments}</strong>
        {session.permissions.includes('incidents.act') && incident.acts.includes('attachments') && (
          <>
            <input
              ref={input}
              type="file"
              hidden
              aria-label={incidentWords.addFile}
              accept=".png,.jpg,.jpeg,.webp,.pdf,.zip,.docx,.xlsx,.txt,.log,.csv"
              onChange={(event) => {
                const file = event.target.files?.[0]
                if (file !== undefined && file.size > MOST_BYTES) message.error(incidentWords.fileTooLarge)
                else if (file !== undefined) add.mutate(typed(file))
                event.target.value = ''
              }}
            />
            <Button loading={add.isPending} onClick={() => input.current?.click()}>
              {incidentWords.addFile}
            </Button>
          </>
        )}
      </div>
      {incident.attachments.length === 0 && <div className="soft">{words.none}</div>}
      {incident.attachments.map((file) => (
        <div key={file.id} className="row">
          <a href={addressOf(`${path}/${file.id}`)} download={file.name} className="wrap">
            {file.name}
          </a>
          <span className="soft" title={`SHA-256 ${file.sha256}`}>
            {bytesText(file.sizeBytes)}
          </span>
        </div>
      ))}
      <div className="soft">{incidentWords.fileHint}</div>
    </section>
  )
}

/** Browsers know no type for .log, and some systems name .csv after a spreadsheet program; the collector looks at the bytes anyway. */
function typed(file: File): File {
  const ending = /\.([a-z0-9]+)$/i.exec(file.name)?.[1]?.toLowerCase()
  const type = ending === 'log' || ending === 'txt' ? 'text/plain' : ending === 'csv' ? 'text/csv' : ending === 'zip' ? 'application/zip' : file.type
  return type === file.type ? file : new File([file], file.name, { type })
}
