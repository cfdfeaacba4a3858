-- When a key was last used, and the secret that signs access tokens.

ALTER TABLE api_keys ADD COLUMN last_used_at TIMESTAMPTZ(3);

-- The newest signs; older ones still verify what they signed, until they are deleted.
CREATE TABLE signing_keys (
  id         TEXT PRIMARY KEY,
  secret     BYTEA NOT NULL CHECK (length(secret) >= 32),
  created_at TIMESTAMPTZ(3) NOT NULL
);
INSERT INTO signing_keys (id, secret, created_at)
VALUES (gen_random_uuid()::text,
  uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), now());
