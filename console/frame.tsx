import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Badge, Button, Grid, Layout, Menu, Spin, Tooltip } from 'antd'
import { NavLink, Navigate, Outlet, createBrowserRouter, useLocation, useNavigate } from 'react-router'
import type { Overview, Session } from '../protocol/api.ts'
import { RequestError, SessionContext, get, signOut, useLive, useStream } from './api.ts'
import { ChangePassword } from './rooms/sign-in/change-password.tsx'
import { SignIn } from './rooms/sign-in/sign-in.tsx'
import { notifyWords, words } from './words.ts'

/** Rooms in the order of the menu, and of the bar at the bottom of a phone, which is swiped. Later rooms join here. */
const rooms = [
  { path: '/overview', name: words.rooms.overview },
  { path: '/incidents', name: words.rooms.incidents },
  { path: '/alerts', name: words.rooms.alerts },
  { path: '/duty', name: words.rooms.duty, needs: 'duty.read' },
  { path: '/hosts', name: words.rooms.hosts },
  { path: '/service', name: words.rooms.service, needs: 'service.read' },
  { path: '/work-log', name: words.rooms.workLog, needs: 'incidents.read' },
  { path: '/silences', name: words.rooms.silences, needs: 'alerts.read' },
  { path: '/notify', name: words.rooms.notify, needs: 'overview.read' },
  { path: '/routing', name: words.rooms.routing, needs: 'alerts.read' },
  { path: '/self', name: words.rooms.self },
] as const satisfies readonly { readonly path: string; readonly name: string; readonly needs?: string }[]

/** Lets in whoever is signed in, shows the sign-in page to anybody else, and asks for a new password where one is due. */
function Gate() {
  const client = useQueryClient()
  const session = useQuery<Session, RequestError>({ queryKey: ['session'], queryFn: () => get<Session>('/session'), retry: false, refetchInterval: 60_000 })
  const reload = () => client.invalidateQueries({ queryKey: ['session'] })
  if (session.isPending) return <Spin fullscreen description={words.loading} />
  if (session.error !== null && (session.error.status === 401 || session.data === undefined)) return <SignIn problem={session.error.status === 401 ? undefined : session.error.message} onSignedIn={reload} />
  if (session.data === undefined) return null
  return <SessionContext value={session.data}>{session.data.mustChangePassword ? <ChangePassword onChanged={reload} /> : <Frame session={session.data} />}</SessionContext>
}

function Frame({ session }: { readonly session: Session }) {
  const wide = Grid.useBreakpoint().md === true
  const live = useStream()
  const client = useQueryClient()
  const navigate = useNavigate()
  const location = useLocation()
  const overview = useLive<Overview>('overview', '/overview')
  const shown = rooms.filter((room) => !('needs' in room) || session.permissions.includes(room.needs))
  const open = overview.data?.incidents.length ?? 0
  const selected = rooms.find((room) => location.pathname.startsWith(room.path))?.path ?? '/overview'
  const leave = async () => {
    await signOut(session.csrf)
    client.clear()
    await navigate('/overview')
    await client.invalidateQueries({ queryKey: ['session'] })
  }
  return (
    <Layout style={{ minHeight: '100%' }}>
      <Layout.Header style={{ background: '#0f2744', padding: '0 16px', height: 54, lineHeight: '54px', position: 'sticky', top: 0, zIndex: 10 }}>
        <div className="row spread" style={{ flexWrap: 'nowrap', color: '#dfe8f4' }}>
          <span className="brand">
            {words.product} {wide && <small style={{ fontSize: 13, fontWeight: 400, letterSpacing: 0, opacity: 0.8 }}>{words.tagline}</small>}
          </span>
          <span className="row" style={{ flexWrap: 'nowrap' }}>
            <Tooltip title={live ? words.live : words.reconnecting}>
              <span role="status">
                <i className={`dot ${live ? 'on' : 'down'}`} />
                {wide || !live ? (live ? words.live : words.reconnecting) : null}
              </span>
            </Tooltip>
            {wide && <span>{session.user}</span>}
            <Button size="small" ghost onClick={() => void leave()}>
              {words.signOut}
            </Button>
          </span>
        </div>
      </Layout.Header>
      <Layout>
        {wide && (
          <Layout.Sider width={168} theme="light">
            <Menu
              mode="inline"
              selectedKeys={[selected]}
              style={{ borderInlineEnd: 0, paddingTop: 8 }}
              items={shown.map((room) => ({
                key: room.path,
                label: (
                  <NavLink to={room.path}>
                    {room.name} {room.path === '/incidents' && open > 0 && <Badge count={open} />}
                  </NavLink>
                ),
              }))}
            />
          </Layout.Sider>
        )}
        <Layout.Content>
          <main className="page">
            {nobodyReached(overview.data) && (
              <div role="alert" className="all-down">
                {notifyWords.allDown} <NavLink to="/notify">{notifyWords.allDownLink}</NavLink>
              </div>
            )}
            <Outlet />
          </main>
        </Layout.Content>
      </Layout>
      {!wide && (
        <nav className="phone-nav" aria-label={words.product}>
          {shown.map((room) => (
              <NavLink key={room.path} to={room.path}>
                {room.name}
                {room.path === '/incidents' && open > 0 ? ` ${open}` : ''}
              </NavLink>
            ))}
        </nav>
      )}
    </Layout>
  )
}

/** Whether there are ways to reach people and every one is known to be down. */
function nobodyReached(overview: Overview | undefined): boolean {
  return overview !== undefined && overview.channels.length > 0 && overview.channels.every((channel) => channel.up === false)
}

/** Each room is its own chunk, so that the first page does not wait for charts. */
export const router = createBrowserRouter([
  {
    element: <Gate />,
    hydrateFallbackElement: <Spin fullscreen />,
    children: [
      { path: '/overview', lazy: async () => ({ Component: (await import('./rooms/overview/overview.tsx')).OverviewRoom }) },
      { path: '/incidents', lazy: async () => ({ Component: (await import('./rooms/incidents/incidents.tsx')).IncidentsRoom }) },
      { path: '/incidents/new', lazy: async () => ({ Component: (await import('./rooms/incidents/report.tsx')).ReportRoom }) },
      { path: '/incidents/:number', lazy: async () => ({ Component: (await import('./rooms/incidents/incident.tsx')).IncidentRoom }) },
      { path: '/alerts', lazy: async () => ({ Component: (await import('./rooms/alerts/alerts.tsx')).AlertsRoom }) },
      { path: '/duty', lazy: async () => ({ Component: (await import('./rooms/duty/duty.tsx')).DutyRoom }) },
      { path: '/hosts', lazy: async () => ({ Component: (await import('./rooms/hosts/hosts.tsx')).HostsRoom }) },
      { path: '/hosts/:instance', lazy: async () => ({ Component: (await import('./rooms/hosts/host.tsx')).HostRoom }) },
      { path: '/service', lazy: async () => ({ Component: (await import('./rooms/service/availability.tsx')).AvailabilityRoom }) },
      { path: '/service/months', lazy: async () => ({ Component: (await import('./rooms/service/months.tsx')).MonthsRoom }) },
      { path: '/service/months/:month', lazy: async () => ({ Component: (await import('./rooms/service/month.tsx')).MonthRoom }) },
      { path: '/service/windows', lazy: async () => ({ Component: (await import('./rooms/service/windows.tsx')).WindowsRoom }) },
      { path: '/service/requests', lazy: async () => ({ Component: (await import('./rooms/service/requests.tsx')).RequestsRoom }) },
      { path: '/service/guards', lazy: async () => ({ Component: (await import('./rooms/service/guards.tsx')).GuardsRoom }) },
      { path: '/service/exposure', lazy: async () => ({ Component: (await import('./rooms/service/exposure.tsx')).ExposureRoom }) },
      { path: '/work-log', lazy: async () => ({ Component: (await import('./rooms/work-log/work-log.tsx')).WorkLogRoom }) },
      { path: '/silences', lazy: async () => ({ Component: (await import('./rooms/silences/silences.tsx')).SilencesRoom }) },
      { path: '/notify', lazy: async () => ({ Component: (await import('./rooms/notify/notify.tsx')).NotifyRoom }) },
      { path: '/routing', lazy: async () => ({ Component: (await import('./rooms/routing/routing.tsx')).RoutingRoom }) },
      { path: '/self', lazy: async () => ({ Component: (await import('./rooms/self/self.tsx')).SelfRoom }) },
      { path: '*', element: <Navigate to="/overview" replace /> },
    ],
  },
])
