-- Tells the servers that the state of a PDF changed, in the transaction that changes it, whoever does: a worker of the version
-- before as well. Nothing depends on it being heard; it only saves those who wait from asking again and again.

CREATE FUNCTION tell_pdf_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  payload TEXT := json_build_array(NEW.merchant_id, NEW.id)::text;
BEGIN
  -- PostgreSQL takes less than 8000 bytes; a longer one must not fail the change.
  IF octet_length(payload) < 8000 THEN PERFORM pg_notify('billhead_pdf_changes', payload); END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER pdf_changed AFTER UPDATE OF pdf_status ON invoices FOR EACH ROW
  WHEN (OLD.pdf_status <> NEW.pdf_status) EXECUTE FUNCTION tell_pdf_change();
