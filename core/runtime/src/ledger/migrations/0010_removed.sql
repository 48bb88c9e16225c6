-- What policy has removed, by its name, so that whoever looks for it later is told why: a lake file by its path, a raw table and an
-- archived file by its digest, rows by their table.
CREATE TABLE removed (
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    removed_ms BIGINT NOT NULL,
    rule       TEXT   NOT NULL,
    amount     BIGINT NOT NULL,
    PRIMARY KEY (kind, name, removed_ms)
);
