-- What was paid when an invoice was issued stands on its document; what is paid later does not change the document.

ALTER TABLE invoices ADD COLUMN paid_at_issue BIGINT NOT NULL DEFAULT 0 CHECK (paid_at_issue >= 0);
