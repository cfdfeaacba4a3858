-- An endpoint that did not answer when it was last tried, and until when it is left alone. NULL: it answered, or was never
-- tried. It stays set when that time is over, until the endpoint answers: such endpoints are tried a few at a time.

ALTER TABLE webhook_endpoints ADD COLUMN rests_until TIMESTAMPTZ(3);
