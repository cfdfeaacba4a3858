-- A credit over a discount takes the discount back: what is due of the corrected invoice rises by it.

ALTER TABLE invoices DROP CONSTRAINT invoices_amount_credited_check;
