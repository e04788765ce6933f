-- What this node holds. `row` is never used twice, so that a cached row can never stand for another content.
CREATE TABLE contents (
    row         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash        BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    size        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    media_type  TEXT    NOT NULL,
    description TEXT,
    tags        TEXT    NOT NULL,           -- a JSON array
    overlays    TEXT    NOT NULL,           -- a JSON array
    published   INTEGER NOT NULL,           -- milliseconds since 1970
    kept        INTEGER NOT NULL DEFAULT 0, -- the bytes lie in blobs/
    edited      INTEGER NOT NULL DEFAULT 0, -- a caller gave the labels, so a shared file's name does not replace them
    withdrawn   INTEGER NOT NULL DEFAULT 0, -- a caller unpublished it
    live        INTEGER NOT NULL DEFAULT 0  -- it is listed, found and served; derived, see store/settle.rs
);

-- Where shared files lie. A stale place is one whose file has changed and was not hashed again yet.
CREATE TABLE places (
    path    BLOB    PRIMARY KEY,
    root    BLOB    NOT NULL,
    content INTEGER NOT NULL REFERENCES contents (row),
    size    INTEGER NOT NULL,
    mtime   INTEGER NOT NULL,               -- nanoseconds since 1970
    inode   INTEGER NOT NULL,
    stale   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX places_by_content ON places (content);
CREATE INDEX places_by_root ON places (root);

-- One row: how often the catalogue has changed. The index remembers up to which change it has followed.
CREATE TABLE generation (value INTEGER NOT NULL);
INSERT INTO generation VALUES (0);

CREATE TABLE transfers (
    id         TEXT    PRIMARY KEY,
    content    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    size       INTEGER,
    received   INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    error      TEXT,
    started    INTEGER NOT NULL,
    finished   INTEGER,
    priority   INTEGER NOT NULL,
    overlays   TEXT    NOT NULL             -- a JSON array
);

CREATE TABLE peer_notes (
    overlay TEXT    NOT NULL,
    peer_id TEXT    NOT NULL,
    alias   TEXT,
    trusted INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    PRIMARY KEY (overlay, peer_id)
) WITHOUT ROWID;
