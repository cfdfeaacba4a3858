-- What operators are shown: how many PDFs were given up is counted over these alone, not over all invoices.

CREATE INDEX invoices_given_up_pdf ON invoices (created_at) WHERE pdf_status = 'FAILED';
