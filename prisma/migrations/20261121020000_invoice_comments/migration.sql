-- Comments on invoices: by whom they may be seen is said on each; by itself a comment sends nothing.

CREATE TABLE invoice_comments (
  merchant_id          TEXT NOT NULL REFERENCES merchants,
  id                   TEXT NOT NULL,
  invoice_id           TEXT NOT NULL,
  comment              TEXT NOT NULL,
  is_customer_notified BOOLEAN NOT NULL,
  is_visible_on_front  BOOLEAN NOT NULL,
  created_at           TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id)
);
CREATE INDEX invoice_comments_by_invoice ON invoice_comments (merchant_id, invoice_id);
