-- Reports of which nothing leaves until they are released.
CREATE TABLE holds (
    report   TEXT   NOT NULL PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    why      TEXT   NOT NULL
);
-- As which revision an occurrence is being made (completing a 部分 report counts up), and whether a person asked for it beside the schedule.
ALTER TABLE occurrences ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE occurrences ADD COLUMN by_hand BIGINT NOT NULL DEFAULT 0;
CREATE INDEX occurrences_by_state ON occurrences (state, lease_ms);
CREATE INDEX runs_by_report ON runs (report, started_ms);
CREATE INDEX occurrences_by_time ON occurrences (due_ms);
CREATE INDEX runs_by_issue ON runs (report, period, subject, edition);
