-- When a revision was withdrawn because its file is not what it was; 0 while it stands.
ALTER TABLE revisions ADD COLUMN withdrawn_ms BIGINT NOT NULL DEFAULT 0;
