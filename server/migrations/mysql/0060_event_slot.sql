-- A change of state is known by the slot of the poll that caused it, so that it is one row however
-- often it is sent and by however many servers.
ALTER TABLE event
  ADD COLUMN slot DATETIME(3),                       -- of that poll, UTC; NULL: no poll caused it
  ADD COLUMN known_at DATETIME(3) AS (COALESCE(slot, ts)) STORED, -- with the host and both states its key
  DROP KEY event_once,
  ADD UNIQUE KEY event_once (host_id, known_at, from_state, to_state), -- sent twice, kept once
  ADD KEY event_of_host (host_id, ts)
