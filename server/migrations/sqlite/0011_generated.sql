-- The views and the table of hours are made from the list of columns: these steps are no more.
DELETE FROM schema_version WHERE number IN (2, 5);
