import { useMutation, useQueryClient } from '@tanstack/react-query'
import { App, AutoComplete, Button, Form, Input, Segmented, Select } from 'antd'
import { Link, useNavigate } from 'react-router'
import type { IncidentDetail, Overview } from '../../../protocol/api.ts'
import type { Severity } from '../../../protocol/events.ts'
import { type RequestError, post, useLive, useSession } from '../../api.ts'
import { fromOfficeInput, hoursText, officeInput } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { incidentWords, serviceWords, severityWords, words } from '../../words.ts'
import { optionsOf, useChoices, useHosts } from './choices.ts'

interface Filled {
  readonly title: string
  readonly description?: string
  readonly reporter: string
  readonly contact?: string
  readonly channel: string
  readonly reportedAt: string
  readonly service: string
  readonly instance?: string
  readonly fault?: string
  readonly severity: Severity
  readonly profile?: string
}

/** A fault that somebody told of: the same clocks, from the time it was reported. */
export function ReportRoom() {
  // The collector's time: a phone whose clock is ahead must not report from the future.
  const overview = useLive<Overview>('overview', '/overview')
  return (
    <App className="grid">
      <Link to="/incidents">← {words.incidents.back}</Link>
      <h1 style={{ margin: 0 }}>{incidentWords.report}</h1>
      <Loaded query={overview}>{(data) => <ReportForm openedAt={data.now} />}</Loaded>
    </App>
  )
}

function ReportForm({ openedAt }: { readonly openedAt: number }) {
  const session = useSession()
  const client = useQueryClient()
  const navigate = useNavigate()
  const choices = useChoices()
  const hosts = useHosts()
  const { message } = App.useApp()
  const texts = incidentWords.form
  const required = [{ required: true, whitespace: true, message: serviceWords.required }]
  const open = useMutation<IncidentDetail, RequestError, Filled>({
    mutationFn: ({ profile, reportedAt, description = '', contact = '', instance = '', fault = '', ...filled }) =>
      post<IncidentDetail>('/incidents', { ...filled, description, contact, instance, fault, reportedAt: fromOfficeInput(reportedAt), ...(profile === undefined || profile === '' ? {} : { profile }) }, session.csrf),
    onSuccess: async (incident) => {
      await Promise.all(['incidents', 'overview'].map((topic) => client.invalidateQueries({ queryKey: [topic] })))
      await navigate(`/incidents/${incident.number}`)
    },
    onError: (error) => void message.error(error.message),
  })
  return (
    <Form<Filled> layout="vertical" className="card report-form" initialValues={{ channel: 'hotline', severity: 'warning', profile: '', reportedAt: officeInput(openedAt) }} onFinish={(filled) => open.mutate(filled)}>
      <Form.Item name="title" label={texts.title} rules={required}>
        <Input maxLength={200} placeholder={texts.titleHint} />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="service" label={texts.service} rules={required}>
          <Select options={optionsOf(choices.services)} showSearch={{ optionFilterProp: 'label' }} />
        </Form.Item>
        <Form.Item name="severity" label={texts.severity}>
          <Segmented block options={(['critical', 'warning', 'info'] as const).map((value) => ({ value, label: severityWords[value] }))} />
        </Form.Item>
      </div>
      <div className="form-pair">
        <Form.Item name="reporter" label={texts.reporter} rules={required}>
          <Input maxLength={128} />
        </Form.Item>
        <Form.Item name="contact" label={texts.contact}>
          <Input maxLength={128} inputMode="tel" />
        </Form.Item>
      </div>
      <div className="form-pair">
        <Form.Item name="channel" label={texts.channel}>
          <Select options={optionsOf(choices.reportChannels)} />
        </Form.Item>
        <Form.Item name="reportedAt" label={texts.reportedAt} extra={texts.reportedHint} rules={required}>
          <Input type="datetime-local" />
        </Form.Item>
      </div>
      <Form.Item name="description" label={texts.description}>
        <Input.TextArea rows={4} maxLength={4_000} showCount />
      </Form.Item>
      <div className="form-pair">
        <Form.Item name="instance" label={texts.instance}>
          <AutoComplete maxLength={128} showSearch={{ filterOption: true }} options={hosts.map((value) => ({ value, label: value }))} />
        </Form.Item>
        <Form.Item name="fault" label={texts.fault} extra={texts.faultHint}>
          <Input maxLength={64} />
        </Form.Item>
      </div>
      <Form.Item name="profile" label={texts.profile} extra={texts.profileHint}>
        <Select options={[{ value: '', label: texts.byRules }, ...choices.profiles.map((one) => ({ value: one.name, label: `${one.title}（${hoursText(one.respondMs)} / ${hoursText(one.disposeMs)} / ${hoursText(one.recoverMs)}）` }))]} />
      </Form.Item>
      <Button type="primary" size="large" htmlType="submit" block loading={open.isPending}>
        {texts.submit}
      </Button>
    </Form>
  )
}
