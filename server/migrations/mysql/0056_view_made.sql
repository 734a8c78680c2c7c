-- What the server keeps of each view that this program made, without the database's name: a view that
-- was changed, or restored under another name and reads the former database, differs from it.
CREATE TABLE IF NOT EXISTS view_made (
  name     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  checksum CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- SHA-256
  PRIMARY KEY (name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
