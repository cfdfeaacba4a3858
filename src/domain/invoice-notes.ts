// What stands beside an invoice: comments on it, and requests to mail it. They never change the document.

/** A comment on an invoice. The flags are a record of what was done; they send nothing by themselves. */
export interface InvoiceComment {
  readonly id: string;
  readonly invoiceId: string;
  readonly comment: string;
  readonly isCustomerNotified: boolean;
  readonly isVisibleOnFront: boolean;
  readonly createdAt: Date;
}

export type EmailStatus = 'QUEUED' | 'SENT' | 'FAILED';

/** A request to mail an invoice. `comment` is put into the mail. */
export interface NewInvoiceEmail {
  readonly id: string;
  readonly invoiceId: string;
  readonly to: string;
  readonly comment: string | null;
  readonly createdAt: Date;
}

/** A request to mail an invoice, and what became of it. SENT only once the mail server took it. */
export interface InvoiceEmail extends NewInvoiceEmail {
  readonly status: EmailStatus;
  readonly attempts: number;
  readonly error: string | null;
  readonly sentAt: Date | null;
}

/** What was said with the order form. */
export interface Remark {
  readonly comment: string | null;
  readonly isCustomerNotified: boolean;
  readonly isVisibleOnFront: boolean;
  /** Where the invoice is mailed to, with the comment if the customer is notified of it; null for nowhere. */
  readonly mailTo: string | null;
}
