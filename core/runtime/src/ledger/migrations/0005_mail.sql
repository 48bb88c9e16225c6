-- When a delivery was due, for order and patience; how much of a domain's rate is used; what is known of addresses; what came back.
ALTER TABLE deliveries ADD COLUMN due_ms BIGINT NOT NULL DEFAULT 0;
UPDATE deliveries SET due_ms = next_ms;
CREATE INDEX deliveries_by_message ON deliveries (message_id);
CREATE TABLE rates (
    domain TEXT NOT NULL PRIMARY KEY,
    spent  TEXT NOT NULL
);
CREATE TABLE address_faults (
    recipient TEXT   NOT NULL,
    delivery  TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    note      TEXT   NOT NULL,
    PRIMARY KEY (recipient, delivery)
);
CREATE TABLE address_blocks (
    recipient TEXT   NOT NULL,
    report    TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    since_ms  BIGINT NOT NULL,
    note      TEXT   NOT NULL,
    PRIMARY KEY (recipient, report)
);
CREATE TABLE returned_mails (
    digest   TEXT   NOT NULL PRIMARY KEY,
    taken_ms BIGINT NOT NULL,
    meaning  TEXT   NOT NULL,
    delivery TEXT   NOT NULL,
    note     TEXT   NOT NULL
);
