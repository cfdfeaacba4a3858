-- Calls of the payment gateway, saved before they are made; and what the built-in test gateway knows.

CREATE TABLE gateway_calls (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  -- also the idempotency key at the gateway, and the id of the payment that comes of it
  id          TEXT NOT NULL,
  gateway     TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('AUTHORIZE', 'CAPTURE', 'CHECKOUT', 'VOID', 'REFUND', 'GIVE_BACK')),
  status      TEXT NOT NULL CHECK (status IN ('ASKED', 'PENDING', 'SUCCEEDED', 'FAILED')),
  -- no foreign key: a capture is saved before the invoice that it pays for
  invoice_id  TEXT,
  order_ids   TEXT[] NOT NULL,
  target_id   TEXT,
  source      TEXT,
  method      TEXT NOT NULL,
  amount      BIGINT NOT NULL CHECK (amount > 0),
  currency    TEXT NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  reference   TEXT,
  error       TEXT,
  -- what is issued once the money is there
  issue       JSONB,
  due_at      TIMESTAMPTZ(3),
  created_at  TIMESTAMPTZ(3) NOT NULL,
  updated_at  TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, target_id) REFERENCES gateway_calls (merchant_id, id),
  CONSTRAINT unsettled_is_due CHECK ((status IN ('ASKED', 'PENDING')) = (due_at IS NOT NULL)),
  CONSTRAINT takes_back_what_came CHECK ((kind IN ('VOID', 'REFUND', 'GIVE_BACK')) = (target_id IS NOT NULL)),
  CONSTRAINT of_an_invoice CHECK ((kind = 'AUTHORIZE') = (invoice_id IS NULL))
);
CREATE INDEX gateway_calls_by_invoice ON gateway_calls (merchant_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX gateway_calls_by_order ON gateway_calls USING gin (order_ids);
-- The sweep looks over all merchants for what is not settled; nearly always nothing is.
CREATE INDEX gateway_calls_due ON gateway_calls (due_at) WHERE due_at IS NOT NULL;

-- The books of the built-in test gateway. It is another party: the product reads them through it alone.
CREATE TABLE test_gateway_entries (
  account          TEXT NOT NULL,
  idempotency_key  TEXT NOT NULL,
  kind             TEXT NOT NULL CHECK (kind IN ('AUTHORIZE', 'CAPTURE', 'CHECKOUT', 'VOID', 'REFUND')),
  reference        TEXT NOT NULL UNIQUE,
  -- what the entry works on: a means of payment, an authorisation, or a capture
  source           TEXT NOT NULL,
  amount           BIGINT NOT NULL,
  currency         TEXT NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED')),
  reason           TEXT,
  return_url       TEXT,
  created_at       TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (account, idempotency_key)
);
CREATE INDEX test_gateway_entries_by_source ON test_gateway_entries (account, source);
