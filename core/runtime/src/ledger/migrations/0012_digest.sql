-- The digest of a whole message as it first left: whatever leaves under its name later is the same, byte for byte. `''` before that.
ALTER TABLE deliveries ADD COLUMN digest TEXT NOT NULL DEFAULT '';
