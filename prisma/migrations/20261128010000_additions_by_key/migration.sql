-- Whether lines and orders may still be added to an invoice is looked up invoice by invoice.
--
-- PostgreSQL keeps the plan of a function as long as its connection lives, or until the table is counted anew. Joined, with a
-- plan from when there were few invoices, every INSERT read the whole table: after ten thousand invoices that was a fifth of what
-- issuing cost the database. A sub-select that depends on the row is never joined, and may not read the table from end to end.
CREATE OR REPLACE FUNCTION refuse_additions_to_what_was_issued() RETURNS TRIGGER LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT merchant_id, invoice_id FROM added) AS a
    WHERE (
      SELECT age(i.xmin) > 0 OR i.sealed_sha256 IS NOT NULL FROM invoices i
      WHERE i.merchant_id = a.merchant_id AND i.id = a.invoice_id)
  ) THEN
    RAISE EXCEPTION 'INSERT into % is refused: the invoice was issued without it.', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_was_issued_stays', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END
$$;
