import { Alert, Button, Card, Form, Input } from 'antd'
import { useState } from 'react'
import { post, useSession } from '../../api.ts'
import { words } from '../../words.ts'

interface Fields {
  readonly old: string
  readonly fresh: string
  readonly again: string
}

/** Shown instead of every room until a one-time password has been replaced. */
export function ChangePassword({ onChanged }: { readonly onChanged: () => Promise<void> }) {
  const session = useSession()
  const [error, setError] = useState<string>()
  const [busy, setBusy] = useState(false)
  const submit = async (values: Fields) => {
    if (values.fresh !== values.again) {
      setError(words.signIn.differ)
      return
    }
    setBusy(true)
    setError(undefined)
    try {
      await post('/session/password', { old: values.old, new: values.fresh }, session.csrf)
      await onChanged()
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div style={{ minHeight: '100vh', display: 'grid', placeItems: 'center', padding: 16 }}>
      <Card style={{ width: 'min(420px, 100%)' }} title={words.signIn.change}>
        <p className="soft" style={{ marginTop: 0 }}>
          {words.signIn.changeHint}
        </p>
        {error !== undefined && <Alert type="error" showIcon title={error} style={{ marginBottom: 12 }} />}
        <Form layout="vertical" onFinish={(values: Fields) => void submit(values)} requiredMark={false}>
          <Form.Item name="old" label={words.signIn.old} rules={[{ required: true }]}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          <Form.Item name="fresh" label={words.signIn.fresh} rules={[{ required: true }]}>
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Form.Item name="again" label={words.signIn.again} rules={[{ required: true }]}>
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={busy}>
            {words.signIn.save}
          </Button>
        </Form>
      </Card>
    </div>
  )
}
