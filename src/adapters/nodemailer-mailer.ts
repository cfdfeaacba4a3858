// Mails by nodemailer: over SMTP, or as .eml files in a folder where no server is given.
//
// 1. A mail was taken only when the server said so after all of it.
// 2. Refused for good is what the server says of this recipient or this message; what it says of us (who we are, what we
//    may) is for the operator to put right, so the mail waits.
// 3. Message-ID and Date come from the entry, so that all copies of a mail are known to be one.

import path from 'node:path';
import { domainToASCII } from 'node:url';
import { createTransport, type NodemailerError, type SendMailOptions } from 'nodemailer';
import type { Mailer, OutgoingMail } from '../ports.ts';
import { writeForGood } from './flushed-file.ts';
import { html, plainText } from './mail-body.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Some servers let a client wait before they greet it. */
const GREETING_TIMEOUT_MS = 20_000;
/** How long deliveries that run may take once the process is to end; what they were sending is sent again later. */
const HURRY_MS = 10_000;
const DEFAULT_SENDER = 'invoices@localhost';

export interface NodemailerOptions {
  /** null writes files. */
  readonly smtpUrl: string | null;
  /** The sender's address; null takes the seller's. */
  readonly from: string | null;
  /** The folder of the files. */
  readonly outbox: string;
}

export interface NodemailerMailer extends Mailer {
  /** Cuts off what is still running in a moment. */
  hurry(): void;
}

type Send = (mail: OutgoingMail, signal: AbortSignal) => Promise<void>;

export function nodemailerMailer({ smtpUrl, from, outbox }: NodemailerOptions): NodemailerMailer {
  const send = smtpUrl === null ? toFolder(outbox, from) : overSmtp(smtpUrl, from);
  const running = new Set<AbortController>();
  const hurrying = new Error('The process that was sending it stopped.');
  return {
    deliver: async (mail, deadlineMs) => {
      const controller = new AbortController();
      running.add(controller);
      const tooLong = new Error(`The mail server was not done after ${Math.round(deadlineMs / 1000)} s.`);
      const timer = setTimeout(() => controller.abort(tooLong), deadlineMs);
      try {
        await send(mail, controller.signal);
        return null;
      } catch (error) {
        if (controller.signal.aborted) throw controller.signal.reason;
        const refusal = refusalOf(error);
        if (refusal !== null) return refusal;
        throw error;
      } finally {
        clearTimeout(timer);
        running.delete(controller);
      }
    },
    hurry: () => {
      setTimeout(() => running.forEach((controller) => controller.abort(hurrying)), HURRY_MS).unref();
    },
  };
}

function overSmtp(smtpUrl: string, from: string | null): Send {
  const transport = createTransport({
    url: smtpUrl,
    // What stands in the URL goes before these.
    requireTLS: mustBeSecret(new URL(smtpUrl)),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async (mail, signal) => void (await transport.sendMail({ ...compose(mail, from), signal }));
}

/** A password is never sent over a network in the clear, also when somebody on the way hides that the server knows TLS. */
function mustBeSecret({ password, hostname }: URL): boolean {
  return password !== '' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(hostname);
}

function toFolder(outbox: string, from: string | null): Send {
  const transport = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async (mail) => {
    const { message } = await transport.sendMail(compose(mail, from));
    if (!Buffer.isBuffer(message)) throw new TypeError('The mail was not put together whole.');
    await writeForGood(path.join(outbox, `${mail.id}.eml`), message);
  };
}

function compose({ id, date, to, content, pdf }: OutgoingMail, from: string | null): SendMailOptions {
  const { sellerName: name, sellerAddress } = content;
  const address = from ?? sellerAddress ?? DEFAULT_SENDER;
  return {
    from: { name, address },
    ...(sellerAddress === null ? {} : { replyTo: { name, address: sellerAddress } }),
    to: { name: '', address: to },
    envelope: { from: address, to },
    // The seller's address is frozen on the invoice, so this stays the same whatever is configured meanwhile.
    messageId: `<${id}@${domainOf(sellerAddress ?? address)}>`,
    date,
    subject: content.subject,
    // RFC 3834: no holiday notice answers it. Nodemailer folds and encodes what stands in headers.
    headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': content.language },
    text: plainText(content),
    html: html(content),
    attachments: [{ filename: content.fileName, content: Buffer.from(pdf), contentType: 'application/pdf' }],
  };
}

function domainOf(address: string): string {
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1)) || 'localhost';
}

/** Commands by which a server is told the recipient and the message. */
const ABOUT_THE_MAIL: ReadonlySet<string | undefined> = new Set(['RCPT TO', 'DATA']);
/** "Authentication required", "too weak", "failed", "encryption required": said of us, whatever was asked. */
const ABOUT_US: ReadonlySet<number> = new Set([530, 534, 535, 538]);

/** Why the mail can never be delivered; null when it may be tried again. */
function refusalOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, command, responseCode, response, message } = error as NodemailerError;
  if (typeof responseCode === 'number' && ABOUT_THE_MAIL.has(command)) {
    return responseCode >= 500 && !ABOUT_US.has(responseCode) ? (response ?? message) : null;
  }
  // Nodemailer itself found that no server could be asked for this recipient.
  return code === 'EENVELOPE' && command === 'API' ? message : null;
}
