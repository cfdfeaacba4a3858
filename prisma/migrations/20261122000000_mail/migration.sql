-- Mails of invoices: one row a request to send. It is written with the request and is the promise; a queued job only makes
-- it quick.
--
-- due_at: when it may be taken up (next); while an attempt runs, when that attempt must be over. ask_again_at: when a sweep
-- asks the queue for it again.

CREATE TABLE invoice_emails (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  invoice_id  TEXT NOT NULL,
  recipient   TEXT NOT NULL CHECK (length(recipient) BETWEEN 3 AND 254 AND recipient !~ '[[:cntrl:][:space:]]'),
  -- put into the mail
  comment     TEXT,
  status      TEXT NOT NULL DEFAULT 'QUEUED' CHECK (status IN ('QUEUED', 'SENT', 'FAILED')),
  attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  error       TEXT,
  due_at      TIMESTAMPTZ(3),
  ask_again_at TIMESTAMPTZ(3),
  created_at  TIMESTAMPTZ(3) NOT NULL,
  sent_at     TIMESTAMPTZ(3),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id),
  CONSTRAINT queued_is_due CHECK ((status = 'QUEUED') = (due_at IS NOT NULL)),
  CONSTRAINT sent_has_a_time CHECK ((status = 'SENT') = (sent_at IS NOT NULL)),
  CONSTRAINT sent_was_attempted CHECK (status <> 'SENT' OR (attempts > 0 AND error IS NULL)),
  CONSTRAINT failed_says_why CHECK (status <> 'FAILED' OR error IS NOT NULL)
);
CREATE INDEX invoice_emails_by_invoice ON invoice_emails (merchant_id, invoice_id);
-- The sweep looks over all merchants for what is due, and for what has become too old; nearly always nothing is.
CREATE INDEX invoice_emails_due ON invoice_emails (due_at) WHERE status = 'QUEUED';
CREATE INDEX invoice_emails_waiting ON invoice_emails (created_at) WHERE status = 'QUEUED';
