-- The first tables: merchants and their keys, customers, orders, shipments, invoices, payments, number series.
--
-- 1. Every primary, foreign and unique key begins with merchant_id: ids are the merchant's own, no row points across
--    merchants, and the tables can be distributed by merchant.
-- 2. Money is BIGINT in the currency's minor unit. Names ending in _e4 are BIGINT in ten-thousandths (of a unit, of a percent).
-- 3. The check constraints are the law of the domain once more: what the code got wrong does not get in.

CREATE TABLE merchants (
  merchant_id       TEXT PRIMARY KEY CHECK (length(merchant_id) BETWEEN 1 AND 64),
  seller            JSONB NOT NULL,
  time_zone         TEXT NOT NULL,
  number_pattern    TEXT NOT NULL,
  payment_term_days INTEGER NOT NULL CHECK (payment_term_days BETWEEN 0 AND 365),
  -- Signs the links to this merchant's PDFs.
  link_secret       BYTEA NOT NULL CHECK (length(link_secret) >= 32),
  created_at        TIMESTAMPTZ(3) NOT NULL
);

CREATE TABLE api_keys (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  name        TEXT NOT NULL,
  prefix      TEXT NOT NULL,
  sha256      TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  scopes      TEXT[] NOT NULL,
  created_at  TIMESTAMPTZ(3) NOT NULL,
  expires_at  TIMESTAMPTZ(3),
  revoked_at  TIMESTAMPTZ(3),
  PRIMARY KEY (merchant_id, id)
);
-- Not unique: a key names no merchant, so this is the one look-up that cannot begin with it.
CREATE INDEX api_keys_prefix ON api_keys (prefix);

CREATE TABLE customers (
  merchant_id         TEXT NOT NULL REFERENCES merchants,
  id                  TEXT NOT NULL,
  name                TEXT NOT NULL,
  email               TEXT,
  organisation        TEXT,
  vat_number          TEXT,
  registration_number TEXT,
  locale              TEXT NOT NULL,
  created_at          TIMESTAMPTZ(3) NOT NULL,
  updated_at          TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id)
);

CREATE TABLE orders (
  merchant_id           TEXT NOT NULL REFERENCES merchants,
  id                    TEXT NOT NULL,
  number                TEXT NOT NULL,
  customer_id           TEXT NOT NULL,
  currency              TEXT NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  is_including_vat      BOOLEAN NOT NULL,
  is_vat_shifted        BOOLEAN NOT NULL,
  invoicing_policy      TEXT NOT NULL CHECK (invoicing_policy IN ('ON_ORDER', 'AFTER_SHIPMENT')),
  is_on_hold            BOOLEAN NOT NULL DEFAULT false,
  is_in_payment_review  BOOLEAN NOT NULL DEFAULT false,
  status                TEXT NOT NULL
    CHECK (status IN ('NEW', 'PROCESSING', 'ON_HOLD', 'PAYMENT_REVIEW', 'COMPLETE', 'CLOSED', 'CANCELED')),
  billing_address       JSONB NOT NULL,
  shipping_address      JSONB,
  subtotal              BIGINT NOT NULL,
  total_ex_vat          BIGINT NOT NULL,
  total_vat             BIGINT NOT NULL,
  payment_method        TEXT,
  payment_authorization TEXT,
  content_hash          TEXT NOT NULL,
  placed_at             TIMESTAMPTZ(3) NOT NULL,
  created_at            TIMESTAMPTZ(3) NOT NULL,
  updated_at            TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, number),
  FOREIGN KEY (merchant_id, customer_id) REFERENCES customers (merchant_id, id)
);
CREATE INDEX orders_by_age ON orders (merchant_id, created_at, id);
CREATE INDEX orders_by_customer ON orders (merchant_id, customer_id, created_at, id);

CREATE TABLE order_items (
  merchant_id          TEXT NOT NULL REFERENCES merchants,
  id                   TEXT NOT NULL,
  order_id             TEXT NOT NULL,
  position             INTEGER NOT NULL CHECK (position > 0),
  kind                 TEXT NOT NULL CHECK (kind IN ('PRODUCT', 'SHIPPING', 'FEE', 'DISCOUNT', 'CONTRA')),
  sku                  TEXT,
  name                 TEXT NOT NULL,
  is_whole_number      BOOLEAN NOT NULL,
  is_virtual           BOOLEAN NOT NULL,
  unit_price           BIGINT NOT NULL,
  price_base_e4        BIGINT NOT NULL CHECK (price_base_e4 > 0),
  discount             BIGINT NOT NULL,
  vat_category         TEXT NOT NULL CHECK (vat_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')),
  vat_rate_e4          BIGINT NOT NULL CHECK (vat_rate_e4 BETWEEN 0 AND 1000000),
  vat_reason           TEXT,
  quantity_e4          BIGINT NOT NULL,
  quantity_shipped_e4  BIGINT NOT NULL DEFAULT 0,
  quantity_invoiced_e4 BIGINT NOT NULL DEFAULT 0,
  quantity_canceled_e4 BIGINT NOT NULL DEFAULT 0,
  total_ex_vat         BIGINT NOT NULL,
  total_vat            BIGINT NOT NULL,
  invoiced_ex_vat      BIGINT NOT NULL DEFAULT 0,
  invoiced_vat         BIGINT NOT NULL DEFAULT 0,
  invoiced_discount    BIGINT NOT NULL DEFAULT 0,
  canceled_ex_vat      BIGINT NOT NULL DEFAULT 0,
  canceled_vat         BIGINT NOT NULL DEFAULT 0,
  canceled_discount    BIGINT NOT NULL DEFAULT 0,
  shipped_at           TIMESTAMPTZ(3),
  contra_of_item_id    TEXT,
  contra_of_invoice_id TEXT,
  refunded_at          TIMESTAMPTZ(3),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, order_id, position),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id),
  FOREIGN KEY (merchant_id, contra_of_item_id) REFERENCES order_items (merchant_id, id),
  CONSTRAINT contra_is_negative CHECK ((kind = 'CONTRA') = (quantity_e4 < 0) AND quantity_e4 <> 0),
  CONSTRAINT contra_names_its_item CHECK (
    (kind = 'CONTRA') = (contra_of_item_id IS NOT NULL) AND (kind = 'CONTRA') = (contra_of_invoice_id IS NOT NULL)
  ),
  CONSTRAINT only_standard_vat_is_charged CHECK ((vat_category = 'S') = (vat_rate_e4 > 0) AND (vat_category = 'S' OR total_vat = 0)),
  CONSTRAINT shipped_within_ordered CHECK (quantity_shipped_e4 BETWEEN 0 AND greatest(quantity_e4, 0)),
  -- invoiced + cancelled <= ordered, each with the sign of what was ordered
  CONSTRAINT nothing_twice CHECK (
    quantity_invoiced_e4 * sign(quantity_e4) >= 0
    AND quantity_canceled_e4 * sign(quantity_e4) >= 0
    AND abs(quantity_invoiced_e4 + quantity_canceled_e4) <= abs(quantity_e4)
  ),
  -- the conservation law at its end: when no unit is open, no cent is
  CONSTRAINT nothing_left_over CHECK (
    quantity_invoiced_e4 + quantity_canceled_e4 <> quantity_e4
    OR (
      invoiced_ex_vat + canceled_ex_vat = total_ex_vat
      AND invoiced_vat + canceled_vat = total_vat
      AND invoiced_discount + canceled_discount = discount
    )
  ),
  CONSTRAINT amounts_within_total CHECK (
    abs(invoiced_ex_vat + canceled_ex_vat) <= abs(total_ex_vat)
    AND abs(invoiced_vat + canceled_vat) <= abs(total_vat)
    AND abs(invoiced_discount + canceled_discount) <= abs(discount)
  )
);

CREATE TABLE shipments (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  order_id    TEXT NOT NULL,
  shipped_at  TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id)
);
CREATE INDEX shipments_by_order ON shipments (merchant_id, order_id);

CREATE TABLE shipment_items (
  merchant_id   TEXT NOT NULL REFERENCES merchants,
  shipment_id   TEXT NOT NULL,
  order_item_id TEXT NOT NULL,
  quantity_e4   BIGINT NOT NULL CHECK (quantity_e4 > 0),
  PRIMARY KEY (merchant_id, shipment_id, order_item_id),
  FOREIGN KEY (merchant_id, shipment_id) REFERENCES shipments (merchant_id, id),
  FOREIGN KEY (merchant_id, order_item_id) REFERENCES order_items (merchant_id, id)
);

CREATE TABLE number_series (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  series      TEXT NOT NULL,
  year        INTEGER NOT NULL,
  last_number BIGINT NOT NULL CHECK (last_number >= 0),
  PRIMARY KEY (merchant_id, series, year)
);

CREATE TABLE invoices (
  merchant_id          TEXT NOT NULL REFERENCES merchants,
  id                   TEXT NOT NULL,
  number               TEXT NOT NULL,
  series               TEXT NOT NULL,
  year                 INTEGER NOT NULL,
  sequence             BIGINT NOT NULL CHECK (sequence > 0),
  type                 TEXT NOT NULL CHECK (type IN ('INVOICE', 'CREDIT_INVOICE')),
  state                TEXT NOT NULL CHECK (state IN ('OPEN', 'PAID', 'CANCELED')),
  customer_id          TEXT NOT NULL,
  currency             TEXT NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  is_including_vat     BOOLEAN NOT NULL,
  is_vat_shifted       BOOLEAN NOT NULL,
  locale               TEXT NOT NULL,
  issue_date           DATE NOT NULL,
  due_date             DATE NOT NULL,
  supply_date          DATE NOT NULL,
  -- frozen copies: what changes elsewhere later never changes the document
  seller               JSONB NOT NULL,
  buyer                JSONB NOT NULL,
  billing_address      JSONB NOT NULL,
  shipping_address     JSONB,
  subtotal             BIGINT NOT NULL,
  total_ex_vat         BIGINT NOT NULL,
  total_vat            BIGINT NOT NULL,
  amount_paid          BIGINT NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
  amount_refunded      BIGINT NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
  corrects_invoice_id  TEXT,
  memo                 TEXT,
  exclude_from_autopay BOOLEAN NOT NULL DEFAULT false,
  is_archived          BOOLEAN NOT NULL DEFAULT false,
  -- the request that made it, so that the same call again is told from another one
  request_hash         TEXT NOT NULL,
  -- the promise of a PDF, and where it stands; due: when the sweep may (next) ask for it
  pdf_status           TEXT NOT NULL DEFAULT 'PENDING' CHECK (pdf_status IN ('PENDING', 'READY', 'FAILED')),
  pdf_attempts         INTEGER NOT NULL DEFAULT 0 CHECK (pdf_attempts >= 0),
  pdf_error            TEXT,
  pdf_sha256           TEXT CHECK (pdf_sha256 ~ '^[0-9a-f]{64}$'),
  pdf_due_at           TIMESTAMPTZ(3),
  created_at           TIMESTAMPTZ(3) NOT NULL,
  updated_at           TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, number),
  UNIQUE (merchant_id, series, year, sequence),
  FOREIGN KEY (merchant_id, customer_id) REFERENCES customers (merchant_id, id),
  FOREIGN KEY (merchant_id, corrects_invoice_id) REFERENCES invoices (merchant_id, id),
  CONSTRAINT credit_names_what_it_corrects CHECK ((type = 'CREDIT_INVOICE') = (corrects_invoice_id IS NOT NULL)),
  CONSTRAINT refunded_within_paid CHECK (amount_refunded <= amount_paid),
  CONSTRAINT ready_has_a_file CHECK ((pdf_status = 'READY') = (pdf_sha256 IS NOT NULL)),
  CONSTRAINT pending_is_due CHECK ((pdf_status = 'PENDING') = (pdf_due_at IS NOT NULL))
);
CREATE INDEX invoices_by_age ON invoices (merchant_id, created_at, id);
CREATE INDEX invoices_by_customer ON invoices (merchant_id, customer_id, created_at, id);
CREATE INDEX invoices_by_corrected ON invoices (merchant_id, corrects_invoice_id) WHERE corrects_invoice_id IS NOT NULL;
-- The sweep looks over all merchants for what is owed; nearly always nothing is.
CREATE INDEX invoices_owing_a_pdf ON invoices (pdf_due_at) WHERE pdf_status = 'PENDING';

-- A contra item names the invoice that its credit invoice will correct.
ALTER TABLE order_items
  ADD FOREIGN KEY (merchant_id, contra_of_invoice_id) REFERENCES invoices (merchant_id, id);

CREATE TABLE invoice_lines (
  merchant_id   TEXT NOT NULL REFERENCES merchants,
  invoice_id    TEXT NOT NULL,
  position      INTEGER NOT NULL CHECK (position > 0),
  order_id      TEXT,
  order_item_id TEXT,
  kind          TEXT NOT NULL CHECK (kind IN ('PRODUCT', 'SHIPPING', 'FEE', 'DISCOUNT', 'CONTRA')),
  sku           TEXT,
  name          TEXT NOT NULL,
  quantity_e4   BIGINT NOT NULL CHECK (quantity_e4 <> 0),
  unit_price    BIGINT NOT NULL,
  price_base_e4 BIGINT NOT NULL CHECK (price_base_e4 > 0),
  discount      BIGINT NOT NULL,
  vat_category  TEXT NOT NULL CHECK (vat_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')),
  vat_rate_e4   BIGINT NOT NULL CHECK (vat_rate_e4 BETWEEN 0 AND 1000000),
  vat_reason    TEXT,
  total_ex_vat  BIGINT NOT NULL,
  total_vat     BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, invoice_id, position),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id),
  FOREIGN KEY (merchant_id, order_item_id) REFERENCES order_items (merchant_id, id),
  CONSTRAINT order_and_item_together CHECK ((order_id IS NULL) = (order_item_id IS NULL))
);
CREATE INDEX invoice_lines_by_item ON invoice_lines (merchant_id, order_item_id);

-- Every order with a line on the invoice, as it was called then.
CREATE TABLE invoice_orders (
  merchant_id  TEXT NOT NULL REFERENCES merchants,
  invoice_id   TEXT NOT NULL,
  order_id     TEXT NOT NULL,
  position     INTEGER NOT NULL CHECK (position > 0),
  order_number TEXT NOT NULL,
  placed_on    DATE NOT NULL,
  PRIMARY KEY (merchant_id, invoice_id, order_id),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id)
);
CREATE INDEX invoice_orders_by_order ON invoice_orders (merchant_id, order_id);

CREATE TABLE payments (
  merchant_id TEXT NOT NULL REFERENCES merchants,
  id          TEXT NOT NULL,
  invoice_id  TEXT NOT NULL,
  method      TEXT NOT NULL,
  amount      BIGINT NOT NULL CHECK (amount > 0),
  is_refund   BOOLEAN NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED', 'VOIDED')),
  reference   TEXT,
  created_at  TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id)
);
CREATE INDEX payments_by_invoice ON payments (merchant_id, invoice_id);
