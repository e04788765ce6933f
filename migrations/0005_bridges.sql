-- Bridges that callers made, and what is remembered of all of them.
CREATE TABLE bridges (
    id                TEXT    PRIMARY KEY,
    settings          TEXT,                  -- JSON; absent for a bridge that the configuration holds
    paused            INTEGER NOT NULL,
    queries_forwarded INTEGER NOT NULL,
    hits_returned     INTEGER NOT NULL,
    bytes_relayed     INTEGER NOT NULL,
    refusals          INTEGER NOT NULL
) WITHOUT ROWID;

-- Bytes that crossed a bridge on one day, for its limit of bytes a day.
CREATE TABLE bridge_days (
    bridge  TEXT    NOT NULL,
    reverse INTEGER NOT NULL,                -- whether it is the direction from its `to` to its `from`
    day     INTEGER NOT NULL,                -- days since 1970, UTC
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (bridge, reverse)
) WITHOUT ROWID;

-- Contents of which the cache of the bridges keeps bytes.
CREATE TABLE bridge_cache (
    hash    BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    overlay TEXT    NOT NULL,                -- the overlay that it came from
    record  TEXT    NOT NULL,                -- its hit there, as JSON
    used    INTEGER NOT NULL                 -- grows with each use of any of them
) WITHOUT ROWID;
