-- Which raw table a collection landed in, by digest; `''` where it brought no rows.
ALTER TABLE collections ADD COLUMN raw TEXT NOT NULL DEFAULT '';
