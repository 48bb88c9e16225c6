-- Deliveries are counted by state and channel at every reading of the page for machines: from the index, not from the rows.
CREATE INDEX deliveries_by_state ON deliveries (state, channel);
