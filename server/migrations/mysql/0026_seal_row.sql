-- Nothing is sealed yet.
INSERT INTO seal (id, sealed_before, sealing, epoch) VALUES (1, '1000-01-01', '1000-01-01', 0)
ON DUPLICATE KEY UPDATE id = VALUES(id)
