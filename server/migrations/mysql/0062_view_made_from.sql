-- Which statement made the view: when the list of columns grows, it is another one.
ALTER TABLE view_made ADD COLUMN made_from CHAR(64) CHARACTER SET ascii COLLATE ascii_bin -- SHA-256
