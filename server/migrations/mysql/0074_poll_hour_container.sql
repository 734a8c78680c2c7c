-- Where the text of the view `container` begins: behind that of `process`. Of hours that were sealed before
-- there were containers it is NULL, and `process` ends where they end.
ALTER TABLE poll_hour ADD COLUMN container_at INT UNSIGNED NULL
