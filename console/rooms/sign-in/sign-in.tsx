import { Alert, Button, Card, Form, Input } from 'antd'
import { useState } from 'react'
import { signIn } from '../../api.ts'
import { words } from '../../words.ts'

export function SignIn({ problem, onSignedIn }: { readonly problem: string | undefined; readonly onSignedIn: () => Promise<void> }) {
  const [error, setError] = useState(problem)
  const [busy, setBusy] = useState(false)
  const submit = async (values: { user: string; password: string }) => {
    setBusy(true)
    setError(undefined)
    try {
      await signIn(values.user, values.password)
      await onSignedIn()
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div style={{ minHeight: '100vh', display: 'grid', placeItems: 'center', background: 'linear-gradient(160deg,#0f2744,#1a4a7d)', padding: 16 }}>
      <Card style={{ width: 'min(380px, 100%)' }}>
        <h1 style={{ margin: '0 0 2px', letterSpacing: 4 }}>{words.product}</h1>
        <p className="soft" style={{ marginTop: 0 }}>
          {words.tagline}
        </p>
        {error !== undefined && <Alert type="error" showIcon title={error} style={{ marginBottom: 12 }} />}
        <Form layout="vertical" onFinish={(values: { user: string; password: string }) => void submit(values)} requiredMark={false}>
          <Form.Item name="user" label={words.signIn.user} rules={[{ required: true }]}>
            <Input autoComplete="username" autoFocus />
          </Form.Item>
          <Form.Item name="password" label={words.signIn.password} rules={[{ required: true }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={busy} size="large">
            {words.signIn.submit}
          </Button>
        </Form>
        <p className="soft" style={{ marginBottom: 0, fontSize: 13 }}>
          {words.signIn.first}
        </p>
      </Card>
    </div>
  )
}
