-- Answers to messages that a caller may repeat, so that what they changed is not changed twice. `row` only grows, which
-- is how the oldest are found.
CREATE TABLE retries (
    row         INTEGER PRIMARY KEY AUTOINCREMENT,
    key         BLOB    NOT NULL UNIQUE,        -- a hash of caller, operation and message id
    fingerprint BLOB    NOT NULL,               -- a hash of the input
    answer      BLOB    NOT NULL,               -- the output record as JSON
    answered    INTEGER NOT NULL                -- milliseconds since 1970
);

CREATE INDEX retries_by_time ON retries (answered);
