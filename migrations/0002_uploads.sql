-- Uploads in parts: those under way, and for a while those that became a content.
CREATE TABLE uploads (
    id          TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    size        INTEGER,                    -- as declared
    media_type  TEXT,
    description TEXT,
    tags        TEXT    NOT NULL,           -- a JSON array
    overlays    TEXT    NOT NULL,           -- a JSON array
    touched     INTEGER NOT NULL,           -- milliseconds since 1970, when it was last worked on
    content     BLOB,                       -- once it was committed: the content's hash
    sha256      BLOB                        -- the SHA-256 that it was committed with
) WITHOUT ROWID;

-- What of an upload is on the disk; neighbours are one row.
CREATE TABLE upload_ranges (
    upload TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    start  INTEGER NOT NULL,
    beyond INTEGER NOT NULL,
    PRIMARY KEY (upload, start)
) WITHOUT ROWID;
