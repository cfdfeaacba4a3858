// The body of a mail as HTML and as plain text. Every value is escaped; nothing is loaded from anywhere.

import { escapeHtml } from '../domain/html-text.ts';
import type { InvoiceMail, MailDetail } from '../domain/invoice-mail.ts';

export function plainText(mail: InvoiceMail): string {
  const { greeting, paragraphs, details, comment, payment, closing, sellerName } = mail;
  const blocks = [
    [greeting],
    ...paragraphs.map((paragraph) => [paragraph]),
    details.map(({ label, text }) => `${label}: ${text}`),
    comment,
    payment === null ? [] : [`${payment.label}: ${payment.link}`],
    [closing, sellerName],
  ];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

// Readers of mails know little CSS: blocks in a column, colours that a dark theme replaces, and no table.
const STYLES = `
  body { margin: 0; padding: 24px 12px; background: #f3f4f6; color: #1f2937; font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
  .sheet { max-width: 560px; margin: 0 auto; padding: 32px; background: #ffffff; border-radius: 12px; }
  .seller { margin: 0 0 24px; font-size: 14px; font-weight: 600; color: #6b7280; }
  p { margin: 0 0 16px; overflow-wrap: anywhere; }
  .details { margin: 24px 0; padding: 16px 20px; background: #f3f4f6; border-radius: 8px; }
  .details p { margin: 0 0 8px; }
  .details p:last-child { margin: 0; }
  .label { display: block; font-size: 13px; color: #6b7280; }
  .strong { font-size: 22px; font-weight: 600; }
  .comment { margin: 24px 0; padding: 4px 0 4px 16px; border-left: 3px solid #d1d5db; }
  .comment p { margin: 0; min-height: 1em; }
  .pay { display: inline-block; padding: 12px 24px; background: #2563eb; border-radius: 8px; color: #ffffff; font-weight: 600; text-decoration: none; }
  .closing { margin: 32px 0 0; }
  @media (max-width: 480px) { body { padding: 0; } .sheet { padding: 24px 20px; border-radius: 0; } }
  @media (prefers-color-scheme: dark) {
    body { background: #111827; color: #e5e7eb; }
    .sheet { background: #1f2937; }
    .details { background: #111827; }
    .seller, .label { color: #9ca3af; }
    .comment { border-color: #4b5563; }
  }`;

export function html(mail: InvoiceMail): string {
  const { language, subject, greeting, paragraphs, details, comment, payment, closing, sellerName } = mail;
  return `<!doctype html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<style>${STYLES}
</style>
</head>
<body>
<div class="sheet">
<p class="seller">${escapeHtml(sellerName)}</p>
${[greeting, ...paragraphs].map((text) => `<p>${escapeHtml(text)}</p>`).join('\n')}
<div class="details">
${details.map(detail).join('\n')}
</div>
${comment.length === 0 ? '' : `<div class="comment">${comment.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}</div>`}
${payment === null ? '' : `<p><a class="pay" href="${escapeHtml(payment.link)}">${escapeHtml(payment.label)}</a></p>`}
<p class="closing">${escapeHtml(closing)}<br>${escapeHtml(sellerName)}</p>
</div>
</body>
</html>
`;
}

function detail({ label, text, isStrong }: MailDetail): string {
  return `<p><span class="label">${escapeHtml(label)}</span><span${isStrong ? ' class="strong"' : ''}>${escapeHtml(text)}</span></p>`;
}
