-- Polls due before this may be in a summary already: who keeps one says that it is late.
ALTER TABLE seal ADD COLUMN summarised_before DATETIME NOT NULL DEFAULT '1970-01-01 00:00:00'
