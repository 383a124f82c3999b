/**
 * The page behind a message's link: one small document without script, made on the server, for the screen of a phone.
 * It shows what the room says and holds at most one form, which posts to the page's own address.
 */
import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { AckAnswer } from './duty-dependencies.ts'

const style = `
body{margin:0;background:#f3f6fa;color:#14233a;font:17px/1.6 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",system-ui,sans-serif}
main{box-sizing:border-box;max-width:480px;margin:0 auto;padding:24px 16px}
section{background:#fff;border:1px solid #e4e9f0;border-top:5px solid #5b6b82;border-radius:12px;padding:20px 18px;overflow-wrap:anywhere}
section.ask{border-top-color:#1257a8}
section.done,section.already{border-top-color:#177245}
section.wrong,section.limited,section.used,section.gone{border-top-color:#b55c00}
h1{font-size:21px;line-height:1.4;margin:0 0 12px}
p{margin:0 0 10px}
small{color:#5b6b82;font-size:14px}
button{display:block;width:100%;min-height:56px;margin:20px 0 12px;border:0;border-radius:10px;background:#c9252d;color:#fff;font-family:inherit;font-size:19px;font-weight:600;cursor:pointer}
header{color:#5b6b82;letter-spacing:2px;margin:0 2px 10px}
`

/** Nothing is loaded, nothing runs, the form goes nowhere else; the one style is named by its hash. */
export const ackPagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

/** The document. */
export async function ackPage(answer: AckAnswer, product: string): Promise<string> {
  const form = answer.confirm === undefined ? '' : html`<form method="post"><button name="confirm" value="${answer.confirmValue ?? 'yes'}">${answer.confirm}</button></form>`
  // The style is ours and must come out as it was hashed: the template would escape its quotes.
  const styled = raw(`<style>${style}</style>`)
  const document = await html`<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex,nofollow,noarchive">
<meta name="format-detection" content="telephone=no">
<title>${product}</title>
${styled}
</head>
<body><main><header>${product}</header><section class="${answer.kind}" data-kind="${answer.kind}"><h1>${answer.heading}</h1>${answer.lines.map((line) => html`<p>${line}</p>`)}${form}${answer.hint === undefined ? '' : html`<small>${answer.hint}</small>`}</section></main></body>
</html>
`
  return String(document)
}
