-- Ids of other networks and of legacy catalogues, and the native content whose bytes they were when all of them passed.
CREATE TABLE aliases (
    row      INTEGER PRIMARY KEY AUTOINCREMENT, -- the latest learnt is the highest
    id       TEXT    NOT NULL UNIQUE,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    size     INTEGER NOT NULL,
    modified INTEGER,                           -- milliseconds since 1970, as the other side said then
    nodes    INTEGER NOT NULL                   -- bytes of the tree's nodes that lie in aliases/; 0 when they do not
);

CREATE INDEX aliases_by_hash ON aliases (hash);
CREATE INDEX aliases_with_nodes ON aliases (row) WHERE nodes > 0;
