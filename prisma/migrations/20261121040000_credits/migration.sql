-- Cancelling and returning what is invoiced already: what of an item and of an invoice line was taken back by contra
-- items, and which line each contra item takes back.

ALTER TABLE order_items
  ADD COLUMN quantity_returned_e4 BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN quantity_credited_e4 BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN contra_of_line INTEGER,
  ADD CONSTRAINT returned_within_shipped CHECK (quantity_returned_e4 BETWEEN 0 AND quantity_shipped_e4),
  ADD CONSTRAINT credited_within_invoiced
    CHECK (quantity_credited_e4 >= 0 AND (quantity_credited_e4 = 0 OR quantity_credited_e4 <= quantity_invoiced_e4)),
  ADD CONSTRAINT contra_names_its_line CHECK ((kind = 'CONTRA') = (contra_of_line IS NOT NULL)),
  ADD FOREIGN KEY (merchant_id, contra_of_invoice_id, contra_of_line)
    REFERENCES invoice_lines (merchant_id, invoice_id, position);
CREATE INDEX order_items_by_contra ON order_items (merchant_id, contra_of_invoice_id) WHERE contra_of_invoice_id IS NOT NULL;

-- Never more than the line carried, and all of it when no unit is left.
ALTER TABLE invoice_lines
  ADD COLUMN credited_e4 BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN credited_ex_vat BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN credited_vat BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN credited_discount BIGINT NOT NULL DEFAULT 0,
  ADD CONSTRAINT credited_within_line CHECK (
    abs(credited_e4) <= abs(quantity_e4) AND abs(credited_ex_vat) <= abs(total_ex_vat)
    AND abs(credited_vat) <= abs(total_vat) AND abs(credited_discount) <= abs(discount)
  ),
  ADD CONSTRAINT credited_whole CHECK (
    credited_e4 <> quantity_e4
    OR (credited_ex_vat = total_ex_vat AND credited_vat = total_vat AND credited_discount = discount)
  );

-- What credit invoices took off an invoice: no longer due.
ALTER TABLE invoices ADD COLUMN amount_credited BIGINT NOT NULL DEFAULT 0 CHECK (amount_credited >= 0);
