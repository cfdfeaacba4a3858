-- Proof of what was issued: a chain of hashes over the documents of each merchant, and tables that refuse to change or lose
-- what stands on a document.
--
-- 1. A document is sealed when its PDF becomes READY: one entry with the digests of its content and of its PDF, and a hash
--    over these and the hash of the entry before it. The texts that are hashed are told in src/domain/seal.ts.
-- 2. Entries are only ever added, under the lock of the chain's head, which is the last lock that anybody takes. A PDF that
--    is made again with other bytes adds another entry for the same document.
-- 3. What is refused here keeps accidents out, and whoever has the rights of the product alone. Superusers, and the owner of
--    the tables, can switch it off: the chain shows it.
-- 4. The triggers run after the row was changed, so that they judge what is really stored, and only where a statement names
--    a column that never changes: payments, states and PDFs pay nothing for them.

-- The digest of the PDF that the newest entry of the document names. Workers of the version before do not set it; what they
-- make is READY without it, and is sealed by the sweep.
ALTER TABLE invoices ADD COLUMN sealed_sha256 TEXT;
CREATE INDEX invoices_to_be_sealed ON invoices (merchant_id, series, year, sequence)
  WHERE pdf_status = 'READY' AND pdf_sha256 IS DISTINCT FROM sealed_sha256;

CREATE TABLE invoice_chains (
  merchant_id   TEXT NOT NULL PRIMARY KEY REFERENCES merchants,
  position      INTEGER NOT NULL CHECK (position >= 0),
  previous_hash TEXT NOT NULL CHECK (previous_hash ~ '^[0-9a-f]{64}$'),
  hash          TEXT NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$')
  -- One row a merchant, changed with every document: room for its next versions on the same page.
) WITH (fillfactor = 20);

CREATE TABLE sealed_invoices (
  merchant_id    TEXT NOT NULL REFERENCES merchants,
  position       INTEGER NOT NULL CHECK (position > 0),
  invoice_id     TEXT NOT NULL,
  number         TEXT NOT NULL,
  version        INTEGER NOT NULL,
  content_sha256 TEXT NOT NULL CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
  pdf_sha256     TEXT NOT NULL CHECK (pdf_sha256 ~ '^[0-9a-f]{64}$'),
  sealed_at      TIMESTAMPTZ(3) NOT NULL,
  previous_hash  TEXT NOT NULL CHECK (previous_hash ~ '^[0-9a-f]{64}$'),
  hash           TEXT NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
  PRIMARY KEY (merchant_id, position),
  FOREIGN KEY (merchant_id, invoice_id) REFERENCES invoices (merchant_id, id)
);
CREATE INDEX sealed_invoices_by_invoice ON sealed_invoices (merchant_id, invoice_id, position);

-- Adds an entry at the end of the merchant's chain, unless the newest one of the document says the same. `sealed_part` is
-- the part of the hashed text that is known beforehand; position and previous hash are known under the lock alone.
CREATE FUNCTION seal_invoice(
  merchant TEXT, invoice TEXT, document_number TEXT, seal_version INTEGER, content TEXT, pdf TEXT, sealed TIMESTAMPTZ,
  sealed_part TEXT
) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  head invoice_chains;
  newest sealed_invoices;
BEGIN
  SELECT * INTO head FROM invoice_chains WHERE merchant_id = merchant FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO invoice_chains VALUES (merchant, 0, repeat('0', 64), repeat('0', 64)) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM invoice_chains WHERE merchant_id = merchant FOR NO KEY UPDATE;
  END IF;
  SELECT * INTO newest FROM sealed_invoices
  WHERE merchant_id = merchant AND invoice_id = invoice ORDER BY position DESC LIMIT 1;
  IF newest.content_sha256 = content AND newest.pdf_sha256 = pdf THEN RETURN; END IF;
  UPDATE invoice_chains SET
    position = head.position + 1,
    previous_hash = head.hash,
    hash = encode(sha256(convert_to(
      concat_ws(E'\n', 'billhead seal ' || seal_version, head.position + 1, head.hash, sealed_part), 'UTF8')), 'hex')
  WHERE merchant_id = merchant RETURNING * INTO head;
  INSERT INTO sealed_invoices (
    merchant_id, position, invoice_id, number, version, content_sha256, pdf_sha256, sealed_at, previous_hash, hash)
  VALUES (
    merchant, head.position, invoice, document_number, seal_version, content, pdf, sealed, head.previous_hash, head.hash);
END
$$;

CREATE FUNCTION refuse_to_touch_what_was_issued() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: what was issued never changes and never goes.', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_was_issued_stays', TABLE = TG_TABLE_NAME,
      HINT = 'A wrong invoice is cancelled or credited, by another document.';
END
$$;

DO $$
DECLARE
  kept TEXT;
BEGIN
  FOREACH kept IN ARRAY ARRAY['invoices', 'invoice_lines', 'invoice_orders', 'number_series', 'sealed_invoices', 'invoice_chains'] LOOP
    EXECUTE format('CREATE TRIGGER never_deleted AFTER DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_to_touch_what_was_issued()', kept);
    EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_touch_what_was_issued()', kept);
  END LOOP;
END
$$;

CREATE TRIGGER never_changed
  AFTER UPDATE OF merchant_id, id, number, series, year, sequence, type, customer_id, currency, is_including_vat,
    is_vat_shifted, locale, issue_date, due_date, supply_date, seller, buyer, billing_address, shipping_address, subtotal,
    total_ex_vat, total_vat, paid_at_issue, corrects_invoice_id, memo, request_hash, created_at
  ON invoices FOR EACH ROW
  WHEN ((OLD.merchant_id, OLD.id, OLD.number, OLD.series, OLD.year, OLD.sequence, OLD.type, OLD.customer_id, OLD.currency,
         OLD.is_including_vat, OLD.is_vat_shifted, OLD.locale, OLD.issue_date, OLD.due_date, OLD.supply_date, OLD.seller,
         OLD.buyer, OLD.billing_address, OLD.shipping_address, OLD.subtotal, OLD.total_ex_vat, OLD.total_vat,
         OLD.paid_at_issue, OLD.corrects_invoice_id, OLD.memo, OLD.request_hash, OLD.created_at)
    IS DISTINCT FROM
        (NEW.merchant_id, NEW.id, NEW.number, NEW.series, NEW.year, NEW.sequence, NEW.type, NEW.customer_id, NEW.currency,
         NEW.is_including_vat, NEW.is_vat_shifted, NEW.locale, NEW.issue_date, NEW.due_date, NEW.supply_date, NEW.seller,
         NEW.buyer, NEW.billing_address, NEW.shipping_address, NEW.subtotal, NEW.total_ex_vat, NEW.total_vat,
         NEW.paid_at_issue, NEW.corrects_invoice_id, NEW.memo, NEW.request_hash, NEW.created_at))
  EXECUTE FUNCTION refuse_to_touch_what_was_issued();

CREATE TRIGGER never_changed
  AFTER UPDATE OF merchant_id, invoice_id, position, order_id, order_item_id, kind, sku, name, quantity_e4, unit_price,
    price_base_e4, discount, vat_category, vat_rate_e4, vat_reason, total_ex_vat, total_vat
  ON invoice_lines FOR EACH ROW
  WHEN ((OLD.merchant_id, OLD.invoice_id, OLD.position, OLD.order_id, OLD.order_item_id, OLD.kind, OLD.sku, OLD.name,
         OLD.quantity_e4, OLD.unit_price, OLD.price_base_e4, OLD.discount, OLD.vat_category, OLD.vat_rate_e4,
         OLD.vat_reason, OLD.total_ex_vat, OLD.total_vat)
    IS DISTINCT FROM
        (NEW.merchant_id, NEW.invoice_id, NEW.position, NEW.order_id, NEW.order_item_id, NEW.kind, NEW.sku, NEW.name,
         NEW.quantity_e4, NEW.unit_price, NEW.price_base_e4, NEW.discount, NEW.vat_category, NEW.vat_rate_e4,
         NEW.vat_reason, NEW.total_ex_vat, NEW.total_vat))
  EXECUTE FUNCTION refuse_to_touch_what_was_issued();

-- The PDF may be asked for again, when its file was lost; it is never put in the place of another one.
CREATE TRIGGER never_exchanged AFTER UPDATE OF pdf_sha256 ON invoices FOR EACH ROW
  WHEN (OLD.pdf_sha256 <> NEW.pdf_sha256) EXECUTE FUNCTION refuse_to_touch_what_was_issued();

CREATE TRIGGER never_changed AFTER UPDATE ON invoice_orders FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION refuse_to_touch_what_was_issued();

CREATE TRIGGER never_changed AFTER UPDATE ON sealed_invoices FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION refuse_to_touch_what_was_issued();

-- The head goes one entry forward and nowhere else.
CREATE TRIGGER never_goes_back AFTER UPDATE ON invoice_chains FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*
    AND (OLD.merchant_id, OLD.position + 1, OLD.hash) IS DISTINCT FROM (NEW.merchant_id, NEW.position, NEW.previous_hash))
  EXECUTE FUNCTION refuse_to_touch_what_was_issued();

-- A counter that went back would give a number again.
CREATE TRIGGER never_goes_back AFTER UPDATE ON number_series FOR EACH ROW
  WHEN ((OLD.merchant_id, OLD.series, OLD.year) IS DISTINCT FROM (NEW.merchant_id, NEW.series, NEW.year)
    OR NEW.last_number < OLD.last_number)
  EXECUTE FUNCTION refuse_to_touch_what_was_issued();

-- Lines and orders come with their invoice, in the transaction that issues it. A row that is older than this transaction has
-- an age; one that this transaction wrote has none. What is sealed takes nothing even so.
CREATE FUNCTION refuse_additions_to_what_was_issued() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT merchant_id, invoice_id FROM added) AS a
    JOIN invoices i ON i.merchant_id = a.merchant_id AND i.id = a.invoice_id
    WHERE age(i.xmin) > 0 OR i.sealed_sha256 IS NOT NULL
  ) THEN
    RAISE EXCEPTION 'INSERT into % is refused: the invoice was issued without it.', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_was_issued_stays', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER never_added_later AFTER INSERT ON invoice_lines REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_additions_to_what_was_issued();
CREATE TRIGGER never_added_later AFTER INSERT ON invoice_orders REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_additions_to_what_was_issued();

SELECT wall_off_merchants();
