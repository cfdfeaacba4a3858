// Owing a mail with an invoice: checked and written in the transaction of the request, asked for after its commit.

import { badInput } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import { mailAddressFault } from '../domain/mail-address.ts';
import type { EmailReference, Ports, Transaction } from '../ports.ts';

export interface EmailRequest {
  /** Left out: the e-mail address of the buyer as it stands on the invoice. */
  readonly to?: string | null | undefined;
  /** Put into the mail. */
  readonly comment: string | null;
  /** The input field that a fault of the address belongs to. */
  readonly field: 'to' | 'sendEmail';
}

/** Throws BAD_USER_INPUT when there is no address that mail can be sent to. */
export async function queueEmail(
  ports: Ports,
  transaction: Transaction,
  invoice: Pick<Invoice, 'id' | 'buyer'>,
  request: EmailRequest,
  now: Date,
): Promise<EmailReference> {
  const to = recipientOf(request, invoice.buyer.email);
  const id = ports.ids.next();
  await transaction.insertEmail({ id, invoiceId: invoice.id, to, comment: request.comment, createdAt: now });
  return { merchantId: transaction.merchantId, emailId: id };
}

/** Where the mail goes: the address given, or else the buyer's. Throws BAD_USER_INPUT when there is none that can be. */
export function recipientOf({ to, field }: Pick<EmailRequest, 'to' | 'field'>, buyerEmail: string | null): string {
  const recipient = to ?? buyerEmail;
  if (recipient === null) {
    const message = 'needs an e-mail address: the buyer on the invoice has none';
    throw badInput([
      {
        path: [field],
        message: field === 'to' ? `${message}, so give one here` : `${message}; sendInvoiceEmail takes one`,
      },
    ]);
  }
  const fault = mailAddressFault(recipient);
  if (fault !== null) {
    const ofBuyer = `cannot go to the e-mail address of the buyer, "${recipient}": it ${fault}`;
    throw badInput([{ path: [field], message: typeof to === 'string' ? fault : ofBuyer }]);
  }
  return recipient;
}

/** Asks for mails once their transaction has committed. While the PDF is not ready, whoever makes it ready asks. */
export async function askForEmails(
  ports: Ports,
  { pdf }: Pick<Invoice, 'pdf'>,
  emails: readonly EmailReference[],
): Promise<void> {
  if (pdf.status === 'READY') await ports.jobs.sendEmails(emails);
}
