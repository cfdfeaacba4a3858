-- Lists: an index for each sort of orders and invoices, one for each filter that may find few rows, and the search.
--
-- 1. A sort is by (key, id), so that a page begins at its cursor instead of counting rows.
-- 2. The keys of sorts by number are compared by code point: the order must never change with a library of the
--    operating system, or cursors and indexes would no longer mean the same.
-- 3. Search finds a text where a number, an e-mail address, or a word of a customer's name begins, whatever its case. That
--    is served by plain B-trees, which every PostgreSQL has. Trigrams (pg_trgm) would also find the middle of a word, but
--    CREATE EXTENSION needs rights that a managed database may not give, or not before an operator lists it as allowed;
--    and a trigram index knows no merchant, so that one merchant's search would pay for the rows of all others.

CREATE INDEX orders_by_change ON orders (merchant_id, updated_at, id);
CREATE INDEX orders_by_placing ON orders (merchant_id, placed_at, id);
CREATE INDEX orders_by_number ON orders (merchant_id, number COLLATE "C", id);
CREATE INDEX orders_by_total ON orders (merchant_id, (total_ex_vat + total_vat), id);
CREATE INDEX orders_by_status ON orders (merchant_id, status, created_at, id);
CREATE INDEX orders_by_folded_number ON orders (merchant_id, (lower(number) COLLATE "C"));

CREATE INDEX invoices_by_change ON invoices (merchant_id, updated_at, id);
CREATE INDEX invoices_by_due_date ON invoices (merchant_id, due_date, id);
CREATE INDEX invoices_by_number ON invoices (merchant_id, number COLLATE "C", id);
CREATE INDEX invoices_by_total ON invoices (merchant_id, (total_ex_vat + total_vat), id);
CREATE INDEX invoices_by_state ON invoices (merchant_id, state, created_at, id);
CREATE INDEX invoices_by_folded_number ON invoices (merchant_id, (lower(number) COLLATE "C"));
-- Few among many; the others are found by walking a sort.
CREATE INDEX invoices_archived ON invoices (merchant_id, created_at, id) WHERE is_archived;
CREATE INDEX invoices_crediting ON invoices (merchant_id, created_at, id) WHERE type = 'CREDIT_INVOICE';

-- Where a search may hit a customer: name, organisation and e-mail address in lower case, each once from its beginning and
-- once from each further word on. "Ada Lovelace" is there as "ada lovelace" and "lovelace".
CREATE TABLE customer_terms (
  merchant_id TEXT NOT NULL,
  term        TEXT COLLATE "C" NOT NULL,
  customer_id TEXT NOT NULL,
  PRIMARY KEY (merchant_id, term, customer_id),
  FOREIGN KEY (merchant_id, customer_id) REFERENCES customers (merchant_id, id) ON DELETE CASCADE
);
CREATE INDEX customer_terms_by_customer ON customer_terms (merchant_id, customer_id);

-- 200 characters are the longest search, and keep a term within what a B-tree takes.
CREATE FUNCTION search_terms(value TEXT) RETURNS SETOF TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT substr(folded, start, 200)
  FROM (SELECT lower(value)) AS text(folded), generate_series(1, length(folded)) AS start
  WHERE start = 1
     OR (substr(folded, start - 1, 1) ~ '[[:space:][:punct:]]' AND substr(folded, start, 1) !~ '[[:space:][:punct:]]')
$$;

-- A trigger, so that no writer of customers can forget it.
CREATE FUNCTION keep_customer_terms() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM customer_terms WHERE merchant_id = NEW.merchant_id AND customer_id = NEW.id;
  INSERT INTO customer_terms (merchant_id, term, customer_id)
  SELECT DISTINCT NEW.merchant_id, term, NEW.id
  FROM unnest(ARRAY[NEW.name, NEW.organisation, NEW.email]) AS value, search_terms(value) AS term;
  RETURN NULL;
END
$$;

CREATE TRIGGER customer_came AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION keep_customer_terms();
CREATE TRIGGER customer_renamed AFTER UPDATE ON customers FOR EACH ROW
  WHEN ((OLD.name, OLD.organisation, OLD.email) IS DISTINCT FROM (NEW.name, NEW.organisation, NEW.email))
  EXECUTE FUNCTION keep_customer_terms();

INSERT INTO customer_terms (merchant_id, term, customer_id)
SELECT DISTINCT merchant_id, term, id
FROM customers, unnest(ARRAY[name, organisation, email]) AS value, search_terms(value) AS term;
