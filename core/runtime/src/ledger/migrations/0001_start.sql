-- Portable between SQLite and PostgreSQL: TEXT, BIGINT, no sequences. Times are milliseconds since 1970 in UTC; `''` stands for "none" in keys.
CREATE TABLE revisions (
    table_name  TEXT   NOT NULL,
    shop        TEXT   NOT NULL,
    feed        TEXT   NOT NULL,
    day         TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    digest      TEXT   NOT NULL,
    base        TEXT   NOT NULL,
    path        TEXT   NOT NULL,
    row_count   BIGINT NOT NULL,
    byte_count  BIGINT NOT NULL,
    exported_ms BIGINT NOT NULL,
    provisional BIGINT NOT NULL,
    PRIMARY KEY (table_name, shop, feed, day, number)
);
CREATE TABLE exports (
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (source, digest)
);
CREATE TABLE collections (
    source       TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    from_day     TEXT   NOT NULL,
    to_day       TEXT   NOT NULL,
    collected_ms BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    facts        TEXT   NOT NULL,
    note         TEXT   NOT NULL,
    PRIMARY KEY (source, number)
);
CREATE TABLE schedules (
    report   TEXT   NOT NULL PRIMARY KEY,
    since_ms BIGINT NOT NULL
);
CREATE TABLE occurrences (
    report     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    period     TEXT   NOT NULL,
    edition    TEXT   NOT NULL,
    due_ms     BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    lease_ms   BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    PRIMARY KEY (report, subject, period, edition, due_ms)
);
CREATE INDEX occurrences_by_due ON occurrences (report, due_ms);
CREATE TABLE issues (
    report  TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    period  TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    PRIMARY KEY (report, subject, period),
    UNIQUE (report, number)
);
CREATE TABLE runs (
    id          TEXT   NOT NULL PRIMARY KEY,
    report      TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    period      TEXT   NOT NULL,
    edition     TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    due_ms      BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    started_ms  BIGINT NOT NULL,
    finished_ms BIGINT NOT NULL,
    snapshot    TEXT   NOT NULL,
    record      TEXT   NOT NULL,
    note        TEXT   NOT NULL
);
CREATE INDEX runs_by_start ON runs (started_ms);
CREATE TABLE results (
    run      TEXT   NOT NULL,
    alias    TEXT   NOT NULL,
    shops    TEXT   NOT NULL,
    report   TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    period   TEXT   NOT NULL,
    edition  TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    digest   TEXT   NOT NULL,
    made_ms  BIGINT NOT NULL,
    PRIMARY KEY (run, alias, shops)
);
CREATE INDEX results_by_period ON results (report, alias, period, shops);
CREATE TABLE deliveries (
    id         TEXT   NOT NULL PRIMARY KEY,
    report     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    period     TEXT   NOT NULL,
    edition    TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    audience   TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    recipient  TEXT   NOT NULL,
    run        TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    sender     TEXT   NOT NULL,
    pieces     TEXT   NOT NULL,
    file_name  TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    attempts   BIGINT NOT NULL,
    next_ms    BIGINT NOT NULL,
    holder     TEXT   NOT NULL,
    lease_ms   BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    UNIQUE (report, subject, period, edition, revision, audience, channel, recipient)
);
CREATE INDEX deliveries_by_next ON deliveries (state, next_ms);
CREATE INDEX deliveries_by_run ON deliveries (run);
CREATE TABLE attempts (
    delivery    TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    started_ms  BIGINT NOT NULL,
    finished_ms BIGINT NOT NULL,
    outcome     TEXT   NOT NULL,
    note        TEXT   NOT NULL,
    PRIMARY KEY (delivery, number)
);
