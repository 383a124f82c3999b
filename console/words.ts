/** Every sentence and word that the console shows, in one place, so that wording is reviewed in one place. */
import type { ClockName, IncidentState, Presence } from '../protocol/api.ts'
import type { Severity } from '../protocol/events.ts'

export const words = {
  product: '值守',
  tagline: '7×24 运行监控与告警',
  rooms: { overview: '总览', incidents: '故障单', alerts: '告警', hosts: '主机与设备', self: '本系统' },
  signIn: {
    title: '登录',
    user: '账号',
    password: '密码',
    submit: '登 录',
    first: '首次登录的一次性密码印在启动窗口，并保存在 first-run.json。',
    change: '请先设置新密码',
    changeHint: '一次性密码只用于第一次登录。新密码至少 12 位，或至少 8 位且含大写、小写、数字、符号中的三类。',
    old: '当前密码',
    fresh: '新密码',
    again: '再次输入新密码',
    differ: '两次输入的新密码不一致',
    save: '保存并进入',
  },
  signOut: '退出',
  loading: '正在读取…',
  retry: '重试',
  live: '实时',
  reconnecting: '正在重连，数据可能不是最新',
  none: '—',
  overview: {
    broken: '当前故障',
    calm: '目前没有未恢复的故障',
    calmHint: '所有受监控主机的最近一次判断均为正常。',
    noHosts: '还没有接入主机',
    noHostsHint: '到“主机与设备”生成接入令牌，在服务器上运行给出的命令。',
    firing: '告警中',
    hosts: '主机',
    channels: '通知渠道',
    noChannels: '尚未配置通知渠道：故障只会显示在这里',
    selfProblems: '监控自身的问题',
    unknown: '未知',
  },
  hosts: {
    search: '按主机名、系统筛选',
    name: '主机',
    state: '状态',
    cpu: 'CPU',
    memory: '内存',
    disk: '最满的文件系统',
    load: '负载',
    booted: '已运行',
    lastSeen: '最近心跳',
    os: '操作系统',
    kernel: '内核',
    offset: '时钟偏差',
    agent: '采集程序',
    alerts: '告警',
    add: '接入主机',
    addTitle: '接入一台主机',
    addHost: '主机名（实例名）',
    addMake: '生成一次性令牌',
    addHint: '令牌只显示这一次，只能用一次，过期作废。在目标服务器上运行：',
    filesystems: '文件系统',
    events: '最近事件',
    noEvents: '没有事件',
    facts: '主机信息',
    sources: '采集项',
    charts: { cpu: 'CPU 使用率', memory: '内存', load: '系统负载', disk: '磁盘读写', network: '网络流量', filesystem: '文件系统使用率' },
    range: { '1h': '1 小时', '6h': '6 小时', '24h': '24 小时', '7d': '7 天' },
    noData: '这段时间没有数据',
    used: '已用',
    available: '可用',
    size: '容量',
  },
  alerts: { name: '告警', object: '对象', since: '开始于', state: '状态', value: '当前值', action: '先做什么', none: '没有告警', showPending: '含待定', incident: '故障单' },
  incidents: {
    open: '未恢复',
    all: '全部',
    none: '没有故障单',
    number: '编号',
    title: '故障',
    object: '对象',
    started: '开始',
    acknowledge: '响应',
    acknowledged: '已由 {who} 响应',
    dispose: '处置',
    disposeTitle: '登记处置',
    disposeHint: '写明做了什么、结果如何。系统会同时保存此刻的监测状态；恢复只以监测数据为准。',
    disposeText: '处置内容（必填）',
    disposeEmpty: '请填写处置内容',
    comment: '补充说明',
    commentHint: '写入时间线',
    timeline: '时间线',
    alerts: '相关告警',
    notifications: '通知记录',
    blind: '数据中断，无法判断是否恢复',
    back: '返回列表',
    confirmAcknowledge: '确认由您响应此故障？',
  },
  self: { title: '本系统', version: '版本', started: '启动于', series: '活动序列', samples: '已入库样本', chunks: '数据块', log: '前置日志', rules: '规则', refused: '被拒绝的输入', noneRefused: '没有被拒绝的输入' },
  ok: '确定',
  cancel: '取消',
  copied: '已复制',
  copy: '复制',
} as const

export const severityWords: Readonly<Record<Severity, string>> = { critical: '严重', warning: '警告', info: '提示' }
export const presenceWords: Readonly<Record<Presence, string>> = { up: '在线', down: '失联', planned: '计划停机', never: '未上线' }
export const clockWords: Readonly<Record<ClockName, string>> = { respond: '响应', dispose: '处置', recover: '恢复' }
export const incidentStateWords: Readonly<Record<IncidentState, string>> = { open: '待响应', acknowledged: '处理中', disposed: '已处置，待恢复', recovered: '已恢复', closed: '已关闭（未见恢复数据）', merged: '已并入其他故障' }
export const alertStateWords = { pending: '待定', firing: '告警中', resolved: '已解除' } as const

/** Channels and what came of a message, for the notification record. */
export const channelWords: Readonly<Record<string, string>> = { email: '邮件' }
export const deliveryWords: Readonly<Record<string, string>> = { queued: '待发送', sending: '发送中', sent: '已发出', failed: '被拒收', dead: '已放弃' }

/** The sentence for a failed request, from the collector's own words where it gave some. */
export const requestFailed = (status: number): string => (status === 0 ? '连接不到采集中心，请检查网络' : `请求失败（${status}）`)
