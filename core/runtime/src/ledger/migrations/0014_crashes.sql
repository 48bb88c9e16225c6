-- How often a plugin's library crashed in a row, by its digest, and since when it is left alone.
CREATE TABLE plugin_crashes (
    digest   TEXT   NOT NULL PRIMARY KEY,
    plugin   TEXT   NOT NULL,
    crashes  BIGINT NOT NULL,
    last     TEXT   NOT NULL,
    at_ms    BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
);
