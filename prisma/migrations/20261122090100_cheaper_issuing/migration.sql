-- What issuing an invoice costs the database, measured with npm run bench: less of it.

-- A line belongs to an invoice, a row of an order to an order, and those to their merchant: a second check of the merchant for
-- every row tells nothing that the first one does not.
ALTER TABLE order_items DROP CONSTRAINT order_items_merchant_id_fkey;
ALTER TABLE invoice_lines DROP CONSTRAINT invoice_lines_merchant_id_fkey;
ALTER TABLE invoice_orders DROP CONSTRAINT invoice_orders_merchant_id_fkey;

-- Shipping, invoicing, cancelling and crediting change columns of an item that are in no index. Where its page has room for
-- the new version the indexes stay as they are. Pages that are there already are left alone.
ALTER TABLE order_items SET (fillfactor = 70);
