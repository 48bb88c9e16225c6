-- What the owner is to hear: one row per kind, thing and day, counted up while it repeats. `told_ms` is the smallest number until a message
-- holds it; `message` is the subject of that message's deliveries. `by_ms`: of no use to the owner afterwards.
CREATE TABLE notices (
    id       TEXT   NOT NULL PRIMARY KEY,
    kind     TEXT   NOT NULL,
    about    TEXT   NOT NULL,
    facts    TEXT   NOT NULL,
    todo     TEXT   NOT NULL,
    run      TEXT   NOT NULL,
    urgent   BIGINT NOT NULL,
    times    BIGINT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms  BIGINT NOT NULL,
    by_ms    BIGINT NOT NULL,
    told_ms  BIGINT NOT NULL,
    message  TEXT   NOT NULL
);
CREATE INDEX notices_by_told ON notices (told_ms);
