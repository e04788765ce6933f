-- Who is told of which events, and how far they have been told.
CREATE TABLE subscriptions (
    id       TEXT    PRIMARY KEY,
    topics   TEXT    NOT NULL,              -- a JSON array of patterns
    url      TEXT,                          -- where events are sent; absent when they are pulled
    binding  TEXT,                          -- how they are sent there
    expires  INTEGER NOT NULL,              -- milliseconds since 1970
    since    INTEGER NOT NULL,              -- the last event before it
    cursor   INTEGER NOT NULL,              -- the last event that it was told
    missed   INTEGER NOT NULL               -- events that were dropped before it was told them
) WITHOUT ROWID;

-- Events that tell a fact of this catalogue, written in the transaction of the fact.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    topic    TEXT    NOT NULL,
    time     INTEGER NOT NULL,              -- milliseconds since 1970
    subject  TEXT    NOT NULL,
    detail   TEXT    NOT NULL               -- JSON
);

-- One row: no event has a number above it, unless it is in the table.
CREATE TABLE event_sequence (value INTEGER NOT NULL);
INSERT INTO event_sequence VALUES (0);
