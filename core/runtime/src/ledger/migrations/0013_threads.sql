-- What a new message of a period belongs under is found by whom it goes to and what it is about, not by looking at every delivery.
CREATE INDEX deliveries_by_period ON deliveries (recipient, report, period);
