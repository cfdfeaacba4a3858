-- Webhooks: the endpoints of a merchant, and a row for each event that one of them is to be told of.
--
-- 1. Triggers write the deliveries, in the transaction of the event: no writer of invoices or mails can forget one, not even
--    a process of the previous version that runs beside; and a merchant without endpoints pays no round trip for it.
-- 2. A delivery keeps what may change later of its invoice (snapshot). The rest never changes and is read when it is sent.
-- 3. invoice.credited tells what the corrected invoice has become: its row is changed before the credit invoice is inserted.
--
-- due_at: when a delivery may be taken up (next), 'epoch' before the first attempt, so that it is due whatever the clocks
-- say; while an attempt runs, when that attempt must be over. ask_again_at: when a sweep asks the queue again for what an
-- endpoint is owed.

CREATE TABLE webhook_endpoints (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  url         TEXT NOT NULL CHECK (length(url) BETWEEN 8 AND 2000),
  description TEXT,
  events      TEXT[] NOT NULL CHECK (cardinality(events) > 0 AND events <@ ARRAY['INVOICE_CREATED', 'INVOICE_PAID',
    'INVOICE_CANCELED', 'INVOICE_CREDITED', 'INVOICE_PDF_READY', 'INVOICE_EMAIL_FAILED']),
  is_enabled  BOOLEAN NOT NULL DEFAULT true,
  -- why it is not, where nobody disabled it by hand
  disabled_reason TEXT,
  -- in the clear: what is sent is signed with it
  secret      TEXT NOT NULL,
  -- signs as well, until then
  former_secret TEXT,
  former_secret_expires_at TIMESTAMPTZ(3),
  ask_again_at TIMESTAMPTZ(3),
  created_at  TIMESTAMPTZ(3) NOT NULL,
  updated_at  TIMESTAMPTZ(3) NOT NULL,
  -- the row stays for the deliveries, without its secrets
  deleted_at  TIMESTAMPTZ(3),
  PRIMARY KEY (merchant_id, id),
  CONSTRAINT enabled_has_no_reason CHECK (NOT is_enabled OR disabled_reason IS NULL),
  CONSTRAINT deleted_is_disabled CHECK (deleted_at IS NULL OR (NOT is_enabled AND secret = '' AND former_secret IS NULL)),
  CONSTRAINT former_secret_expires CHECK ((former_secret IS NULL) = (former_secret_expires_at IS NULL))
);

CREATE TABLE webhook_deliveries (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  endpoint_id TEXT NOT NULL,
  -- the same for all endpoints, attempts and resendings: by it a consumer knows an event again
  event_id    TEXT NOT NULL,
  event       TEXT NOT NULL CHECK (event IN ('INVOICE_CREATED', 'INVOICE_PAID', 'INVOICE_CANCELED', 'INVOICE_CREDITED',
    'INVOICE_PDF_READY', 'INVOICE_EMAIL_FAILED')),
  happened_at TIMESTAMPTZ(3) NOT NULL,
  invoice_id  TEXT NOT NULL,
  snapshot    JSONB NOT NULL,
  status      TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED')),
  attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  due_at      TIMESTAMPTZ(3) DEFAULT 'epoch',
  -- it is tried for a day from here
  first_attempt_at TIMESTAMPTZ(3),
  last_attempt_at TIMESTAMPTZ(3),
  -- of the last attempt
  duration_ms INTEGER,
  response_status INTEGER,
  response    TEXT,
  error       TEXT,
  created_at  TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, endpoint_id) REFERENCES webhook_endpoints (merchant_id, id),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id),
  CONSTRAINT pending_is_due CHECK ((status = 'PENDING') = (due_at IS NOT NULL)),
  CONSTRAINT succeeded_was_attempted CHECK (status <> 'SUCCEEDED' OR (attempts > 0 AND error IS NULL)),
  CONSTRAINT failed_says_why CHECK (status <> 'FAILED' OR error IS NOT NULL)
);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (merchant_id, created_at, id);
CREATE INDEX webhook_deliveries_by_invoice ON webhook_deliveries (merchant_id, invoice_id, created_at, id);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (merchant_id, endpoint_id, created_at, id);
-- Those of one endpoint that wait, and over all merchants those that are due, or too old to be kept.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (merchant_id, endpoint_id, due_at) WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE status <> 'PENDING';

-- When the PDF was first ready: a file that is lost is made again, and nobody is told twice. Not set for what was ready
-- before this migration; then it was ready when it is found missing.
ALTER TABLE invoices ADD COLUMN pdf_ready_at TIMESTAMPTZ(3);

CREATE FUNCTION note_first_pdf() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  NEW.pdf_ready_at := CASE WHEN OLD.pdf_status = 'READY' THEN OLD.updated_at ELSE NEW.updated_at END;
  RETURN NEW;
END
$$;
CREATE TRIGGER invoice_pdf_turns BEFORE UPDATE ON invoices FOR EACH ROW
  WHEN (OLD.pdf_ready_at IS NULL AND (OLD.pdf_status = 'READY') <> (NEW.pdf_status = 'READY'))
  EXECUTE FUNCTION note_first_pdf();

-- UUIDs of version 7 (RFC 9562): milliseconds, 12 bits of the fraction of one, then chance. What is owed first in a
-- transaction comes first in lists, and new rows go to the end of their index.
CREATE FUNCTION time_sorted_id() RETURNS TEXT LANGUAGE sql VOLATILE AS $$
  SELECT (lpad(to_hex(us / 1000), 12, '0') || '7' || lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid::text
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS clock(us)
$$;

-- One event, told to all endpoints of the merchant that want it.
CREATE FUNCTION owe_webhooks(of invoices, told TEXT, happened TIMESTAMPTZ, detail JSONB) RETURNS VOID LANGUAGE sql AS $$
  -- Materialized, so that the id is made once.
  WITH event AS MATERIALIZED (SELECT time_sorted_id() AS id)
  INSERT INTO webhook_deliveries (merchant_id, id, endpoint_id, event_id, event, happened_at, invoice_id, snapshot, created_at)
  SELECT endpoint.merchant_id, time_sorted_id(), endpoint.id, event.id, told, happened, of.id,
    jsonb_build_object('state', of.state, 'amountPaid', of.amount_paid, 'amountRefunded', of.amount_refunded,
      'amountCredited', of.amount_credited) || detail,
    happened
  FROM webhook_endpoints AS endpoint, event
  WHERE endpoint.merchant_id = of.merchant_id AND endpoint.is_enabled AND told = ANY (endpoint.events)
$$;

-- Once a statement: however many invoices are issued together, merchants without endpoints cost one look.
CREATE FUNCTION owe_webhooks_of_issued() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM webhook_endpoints WHERE is_enabled AND merchant_id IN (SELECT merchant_id FROM issued)
  ) THEN
    RETURN NULL;
  END IF;
  PERFORM owe_webhooks(invoice, 'INVOICE_CREATED', invoice.created_at, '{}') FROM issued
    JOIN invoices AS invoice USING (merchant_id, id);
  PERFORM owe_webhooks(invoice, 'INVOICE_PAID', invoice.created_at, '{}') FROM issued
    JOIN invoices AS invoice USING (merchant_id, id) WHERE invoice.state = 'PAID';
  PERFORM owe_webhooks(corrected, 'INVOICE_CREDITED', issued.created_at, jsonb_build_object('creditInvoiceId', issued.id))
    FROM issued JOIN invoices AS corrected
      ON corrected.merchant_id = issued.merchant_id AND corrected.id = issued.corrects_invoice_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER invoices_were_issued AFTER INSERT ON invoices REFERENCING NEW TABLE AS issued
  FOR EACH STATEMENT EXECUTE FUNCTION owe_webhooks_of_issued();

CREATE FUNCTION owe_webhooks_of_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NEW.state IN ('PAID', 'CANCELED') THEN
    PERFORM owe_webhooks(NEW, 'INVOICE_' || NEW.state, NEW.updated_at, '{}');
  END IF;
  IF OLD.pdf_ready_at IS NULL AND OLD.pdf_status <> 'READY' AND NEW.pdf_status = 'READY' THEN
    PERFORM owe_webhooks(NEW, 'INVOICE_PDF_READY', NEW.pdf_ready_at, jsonb_build_object('pdfSha256', NEW.pdf_sha256));
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER invoice_was_changed AFTER UPDATE ON invoices FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.pdf_status <> NEW.pdf_status) EXECUTE FUNCTION owe_webhooks_of_changed();

CREATE FUNCTION owe_webhooks_of_failed_email() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  PERFORM owe_webhooks(invoice, 'INVOICE_EMAIL_FAILED', now(), jsonb_build_object('emailId', NEW.id, 'reason', NEW.error))
    FROM invoices AS invoice WHERE merchant_id = NEW.merchant_id AND id = NEW.invoice_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER invoice_email_was_given_up AFTER UPDATE ON invoice_emails FOR EACH ROW
  WHEN (OLD.status <> 'FAILED' AND NEW.status = 'FAILED') EXECUTE FUNCTION owe_webhooks_of_failed_email();

-- A process of the previous version may already connect as this role (src/adapters/row-level-security.ts), and its writes
-- fire the triggers before a new process gives the rights.
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'billhead_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, webhook_deliveries TO billhead_app;
  END IF;
END $$;

SELECT wall_off_merchants();
