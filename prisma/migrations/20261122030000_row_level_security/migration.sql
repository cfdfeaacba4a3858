-- The second wall between merchants: a connection sees and changes the rows of one merchant alone, whatever a query says.
--
-- 1. The merchant is the setting billhead.merchant of the connection. Without one a query sees nothing.
-- 2. The setting billhead.scope = 'all' opens the wall for what goes across merchants: looking up a key, sweeps, dumps, and
--    migrations that change rows (src/adapters/migrations.ts sets it; `prisma migrate` does not, so such a migration begins
--    with "SELECT set_config('billhead.scope', 'all', true)").
-- 3. FORCE, because the owner of the tables would pass otherwise. Superusers and roles with BYPASSRLS always pass: for them
--    the product takes another role (src/adapters/row-level-security.ts).
-- 4. A condition of a query is answered by an index only when its functions are known to leak nothing, as comparisons are;
--    lower(), + and && are not. What lists and look-ups compare therefore stands in columns and rows of its own.

-- To be called again by each migration that makes a table with a merchant_id. Does nothing where the wall stands.
CREATE FUNCTION wall_off_merchants() RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  walled REGCLASS;
BEGIN
  FOR walled IN
    SELECT c.oid::regclass
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', walled);
    CONTINUE WHEN EXISTS (SELECT FROM pg_policy WHERE polrelid = walled AND polname = 'merchants_never_meet');
    -- In sub-selects, which are answered once a query, not once a row.
    EXECUTE format(
      'CREATE POLICY merchants_never_meet ON %s USING (
         merchant_id = (SELECT current_setting(''billhead.merchant'', true))
         OR (SELECT current_setting(''billhead.scope'', true) = ''all''))',
      walled);
  END LOOP;
END
$$;

-- What lists compare (note 4).
DROP INDEX orders_by_total, orders_by_folded_number, invoices_by_total, invoices_by_folded_number;
ALTER TABLE orders
  ADD COLUMN total BIGINT GENERATED ALWAYS AS (total_ex_vat + total_vat) STORED,
  ADD COLUMN folded_number TEXT COLLATE "C" GENERATED ALWAYS AS (lower(number)) STORED;
ALTER TABLE invoices
  ADD COLUMN total BIGINT GENERATED ALWAYS AS (total_ex_vat + total_vat) STORED,
  ADD COLUMN folded_number TEXT COLLATE "C" GENERATED ALWAYS AS (lower(number)) STORED;
CREATE INDEX orders_by_total ON orders (merchant_id, total, id);
CREATE INDEX orders_by_folded_number ON orders (merchant_id, folded_number);
CREATE INDEX invoices_by_total ON invoices (merchant_id, total, id);
CREATE INDEX invoices_by_folded_number ON invoices (merchant_id, folded_number);

-- Which calls of the payment gateway are for an order.
CREATE TABLE gateway_call_orders (
  merchant_id TEXT NOT NULL,
  order_id    TEXT NOT NULL,
  call_id     TEXT NOT NULL,
  PRIMARY KEY (merchant_id, order_id, call_id),
  FOREIGN KEY (merchant_id, call_id) REFERENCES gateway_calls (merchant_id, id) ON DELETE CASCADE
);

-- A trigger, so that no writer of calls can forget it. The orders of a call never change.
CREATE FUNCTION keep_gateway_call_orders() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO gateway_call_orders (merchant_id, order_id, call_id)
  SELECT DISTINCT NEW.merchant_id, order_id, NEW.id FROM unnest(NEW.order_ids) AS order_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER gateway_call_came AFTER INSERT ON gateway_calls FOR EACH ROW EXECUTE FUNCTION keep_gateway_call_orders();

INSERT INTO gateway_call_orders (merchant_id, order_id, call_id)
SELECT DISTINCT merchant_id, order_id, id FROM gateway_calls, unnest(order_ids) AS order_id;
DROP INDEX gateway_calls_by_order;

SELECT wall_off_merchants();
