-- Which processes serve, by the time when each was last seen.
CREATE TABLE nodes (
    node       TEXT   NOT NULL PRIMARY KEY,
    started_ms BIGINT NOT NULL,
    seen_ms    BIGINT NOT NULL,
    version    TEXT   NOT NULL
);
