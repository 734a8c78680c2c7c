-- Who holds the row counts this up while it lives; 0: nobody holds it. No clock is compared: whoever wants
-- it watches by a clock of its own.
ALTER TABLE server ADD COLUMN beat BIGINT UNSIGNED NOT NULL DEFAULT 0, DROP COLUMN expires
