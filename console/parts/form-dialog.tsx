import { AutoComplete, Checkbox, Form, Input, InputNumber, Modal, Select } from 'antd'
import { useEffect } from 'react'
import { serviceWords, words } from '../words.ts'

/** One field of a dialog. A moment is written in office time, whatever zone the browser is in. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly kind: 'text' | 'long' | 'number' | 'moment' | 'suggest' | 'choice' | 'choices' | 'check'
  readonly options?: readonly { readonly value: string; readonly label: string }[]
  readonly initial?: string | number | boolean | readonly string[]
  readonly optional?: boolean
  readonly hint?: string
  readonly min?: number
  readonly max?: number
  readonly step?: number
}

/** What was filled in, by the field's name; read it with the functions of format.ts. */
export type Filled = Readonly<Record<string, unknown>>

/** A dialog of a few fields. What is missing is said at its field; whether it is right, the collector says. */
export function FormDialog({ open, title, hint, fields, pending, danger = false, okText = words.ok, onCancel, onSubmit }: { readonly open: boolean; readonly title: string; readonly hint?: string; readonly fields: readonly Field[]; readonly pending: boolean; readonly danger?: boolean; readonly okText?: string; readonly onCancel: () => void; readonly onSubmit: (filled: Filled) => void }) {
  const [form] = Form.useForm<Record<string, unknown>>()
  useEffect(() => {
    if (open) form.resetFields()
  }, [open, form])
  return (
    <Modal className={fields.length === 0 ? 'form-dialog question' : 'form-dialog'} open={open} title={title} okText={okText} cancelText={words.cancel} confirmLoading={pending} okButtonProps={{ danger }} onCancel={onCancel} onOk={() => form.submit()} destroyOnHidden>
      {hint !== undefined && <p className="soft">{hint}</p>}
      <Form form={form} layout="vertical" onFinish={onSubmit} initialValues={Object.fromEntries(fields.map((field) => [field.name, field.initial]))}>
        {fields.map((field) => (
          <Form.Item key={field.name} name={field.name} label={field.kind === 'check' ? undefined : field.label} extra={field.hint} valuePropName={field.kind === 'check' ? 'checked' : 'value'} rules={field.optional === true || field.kind === 'check' ? [] : [{ required: true, message: serviceWords.required, ...(field.kind === 'text' || field.kind === 'long' ? { whitespace: true } : {}) }]}>
            {control(field)}
          </Form.Item>
        ))}
      </Form>
    </Modal>
  )
}

function control({ kind, label, options = [], min, max, step }: Field) {
  switch (kind) {
    case 'text':
      return <Input maxLength={256} />
    case 'long':
      return <Input.TextArea rows={4} maxLength={2_000} showCount />
    case 'number':
      return <InputNumber style={{ width: '100%' }} {...(min === undefined ? {} : { min })} {...(max === undefined ? {} : { max })} {...(step === undefined ? {} : { step })} />
    case 'moment':
      return <Input type="datetime-local" />
    case 'suggest':
      return <AutoComplete options={[...options]} showSearch={{ filterOption: true }} maxLength={128} />
    case 'choice':
      return <Select options={[...options]} showSearch={{ optionFilterProp: 'label' }} />
    case 'choices':
      return <Select mode="multiple" options={[...options]} showSearch={{ optionFilterProp: 'label' }} />
    case 'check':
      return <Checkbox>{label}</Checkbox>
  }
}

/** Readings of what was filled in. */
export const textOf = (filled: Filled, name: string): string => (typeof filled[name] === 'string' ? filled[name].trim() : '')
export const numberOf = (filled: Filled, name: string): number => (typeof filled[name] === 'number' ? filled[name] : Number.NaN)
export const listOf = (filled: Filled, name: string): readonly string[] => (Array.isArray(filled[name]) ? filled[name].filter((one) => typeof one === 'string') : [])
export const checkOf = (filled: Filled, name: string): boolean => filled[name] === true
