import { NotifyPage } from '../../parts/notify-page.tsx'
import { Channels } from './channels.tsx'
import { Outbox } from './outbox.tsx'

/** Ways to reach people, and what was said through them. */
export function NotifyRoom() {
  return (
    <NotifyPage>
      <Channels />
      <Outbox />
    </NotifyPage>
  )
}
