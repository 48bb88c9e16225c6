-- People who asked to be forgotten, by a keyed hash of their address, so that they are not mailed again.
CREATE TABLE erased (
    address   TEXT   NOT NULL PRIMARY KEY,
    erased_ms BIGINT NOT NULL
);
