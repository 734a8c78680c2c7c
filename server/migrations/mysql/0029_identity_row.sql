-- Drawn once: a row that is there stays.
INSERT INTO identity (id, store) VALUES (1, UUID())
ON DUPLICATE KEY UPDATE id = VALUES(id)
