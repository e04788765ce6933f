//! What this node's users say of peers: a name, trust, a refusal.

use sqlx::{Row, sqlite::SqliteRow};

use super::{Store, StoreError};
use crate::model::Outcome;

/// What is noted of one peer in one overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNote {
    /// The overlay's name.
    pub overlay: String,
    /// The peer's id.
    pub peer_id: String,
    /// The name that users gave it.
    pub alias: Option<String>,
    /// Whether users trust it.
    pub trusted: bool,
    /// Whether this node refuses it.
    pub blocked: bool,
}

impl Store {
    /// The note of a peer, if there is one.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn peer_note(&self, overlay: &str, peer_id: &str) -> Outcome<Option<PeerNote>> {
        let sql = "SELECT overlay, peer_id, alias, trusted, blocked FROM peer_notes WHERE overlay = ? AND peer_id = ?";
        let row = sqlx::query(sql).bind(overlay).bind(peer_id).fetch_optional(&self.catalogue.read).await;
        Ok(row.map_err(StoreError::from)?.as_ref().map(note_of).transpose()?)
    }

    /// All notes.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be read.
    pub async fn peer_notes(&self) -> Outcome<Vec<PeerNote>> {
        let sql = "SELECT overlay, peer_id, alias, trusted, blocked FROM peer_notes ORDER BY overlay, peer_id";
        let rows = sqlx::query(sql).fetch_all(&self.catalogue.read).await.map_err(StoreError::from)?;
        Ok(rows.iter().map(note_of).collect::<Result<_, _>>()?)
    }

    /// Keeps the note of a peer; one that says nothing is removed.
    ///
    /// # Errors
    /// Internal when the catalogue cannot be written.
    pub async fn save_peer_note(&self, note: &PeerNote) -> Outcome<()> {
        let empty = note.alias.is_none() && !note.trusted && !note.blocked;
        let query = if empty {
            let sql = "DELETE FROM peer_notes WHERE overlay = ? AND peer_id = ?";
            sqlx::query(sql).bind(&note.overlay).bind(&note.peer_id)
        } else {
            let sql = "INSERT OR REPLACE INTO peer_notes (overlay, peer_id, alias, trusted, blocked) \
                       VALUES (?, ?, ?, ?, ?)";
            let query = sqlx::query(sql).bind(&note.overlay).bind(&note.peer_id);
            query.bind(note.alias.as_deref()).bind(note.trusted).bind(note.blocked)
        };
        query.execute(&self.catalogue.write).await.map_err(StoreError::from)?;
        Ok(())
    }
}

fn note_of(row: &SqliteRow) -> Result<PeerNote, StoreError> {
    Ok(PeerNote {
        overlay: row.try_get(0)?,
        peer_id: row.try_get(1)?,
        alias: row.try_get(2)?,
        trusted: row.try_get(3)?,
        blocked: row.try_get(4)?,
    })
}
