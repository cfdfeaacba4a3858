-- What is known of requests that came with an Idempotency-Key: that one runs, what of it is done, and its answer.

CREATE TABLE idempotency_keys (
  merchant_id TEXT NOT NULL REFERENCES merchants (merchant_id),
  operation TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  request_hash TEXT NOT NULL,
  -- What the answer was made for: a key with less may not be shown it.
  scopes TEXT[] NOT NULL,
  -- The ids of all that the request makes follow from it, so that a second run makes the same ones.
  seed TEXT NOT NULL,
  -- Whoever runs the request now. Another one can take it over once leased_until is past; what the former still does then
  -- does not commit.
  runner TEXT NOT NULL,
  leased_until TIMESTAMPTZ(3),
  -- What each committed transaction of the request came to, in their order.
  steps TEXT[] NOT NULL DEFAULT '{}',
  answer TEXT,
  created_at TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (merchant_id, operation, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

SELECT wall_off_merchants();
