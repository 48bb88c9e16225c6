-- What the ledger knows of the world around it: which folders are its own, when it was last pruned.
CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
