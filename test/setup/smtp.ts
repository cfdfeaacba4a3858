// A real SMTP server for a test: it keeps every mail that it was given whole, and answers as the test says.

import type { AddressInfo } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Whether the client needed a server that takes addresses beyond ASCII. */
  readonly isUtf8: boolean;
  readonly raw: Buffer;
  readonly mail: Email;
}

/** What the server says to a command: nothing to accept it. */
export interface SmtpRefusal {
  readonly code: number;
  readonly reason: string;
}

export interface TestSmtp {
  readonly url: string;
  readonly port: number;
  /** Every mail that came whole, whatever the answer was. */
  readonly received: readonly ReceivedMail[];
  /** Those to this address. */
  receivedBy(address: string): readonly ReceivedMail[];
  close(): Promise<void>;
}

export interface TestSmtpOptions {
  /** 0 takes any free port. */
  readonly port?: number;
  readonly onRecipient?: (address: string) => SmtpRefusal | null;
  /** Called when all of a mail is there. The client hears nothing before this is done; `cut` ends the connection. */
  readonly onMail?: (mail: ReceivedMail, cut: () => void) => Promise<SmtpRefusal | null> | SmtpRefusal | null;
  /** Asks for this name and password. */
  readonly login?: { readonly user: string; readonly password: string };
}

export async function startSmtp({ port = 0, onRecipient, onMail, login }: TestSmtpOptions = {}): Promise<TestSmtp> {
  const received: ReceivedMail[] = [];
  const server = new SMTPServer({
    logger: false,
    // Its certificate is its own, which no client trusts; and what is tested here is not TLS.
    disabledCommands: login ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
    allowInsecureAuth: true,
    authOptional: login === undefined,
    disableReverseLookup: true,
    closeTimeout: 1,
    onAuth: ({ username, password }, _, done) =>
      username === login?.user && password === login?.password
        ? done(null, { user: username })
        : done(failure({ code: 535, reason: '5.7.8 Bad credentials' })),
    onRcptTo: ({ address }, _, done) => done(failure(onRecipient?.(address) ?? null)),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => void finish(Buffer.concat(chunks), session, done));
    },
  });
  // A client that went away is no news to these tests.
  server.on('error', () => {});
  const finish = async (raw: Buffer, session: SMTPServerSession, answer: (refusal: Error | null) => void) => {
    const { mailFrom, rcptTo, smtpUtf8 = false } = session.envelope;
    const mail = await PostalMime.parse(raw);
    const to = rcptTo.map(({ address }) => address);
    const one = { from: mailFrom === false ? '' : mailFrom.address, to, isUtf8: smtpUtf8, raw, mail };
    received.push(one);
    const cut = () => {
      for (const { id, _socket: socket } of server.connections) if (id === session.id) socket.destroy();
    };
    answer(failure((await onMail?.(one, cut)) ?? null));
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  const { port: taken } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${taken}`,
    port: taken,
    received,
    receivedBy: (address) => received.filter(({ to }) => to.includes(address)),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function failure(refusal: SmtpRefusal | null): Error | null {
  return refusal && Object.assign(new Error(refusal.reason), { responseCode: refusal.code });
}
