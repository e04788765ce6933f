//! `upload.*`: send a large content in parts, in any order, over a line that breaks.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, content::UPLOAD_DEADLINE};
use crate::{
    model::{Content, Done, Fault, Outcome, Payload, Sha256, Upload},
    service::Services,
    store::NewContent,
};

/// Begins an upload in parts; send them with upload.append and make a content of them with upload.commit.
///
/// The name and the other labels are those of the content. With a size, room for all of it is set aside, and a part that
/// reaches beyond it is refused. An upload that nobody works on for uploads.expire_seconds is given up.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begin {
    /// The name to find the content by; text for people, never a path.
    #[schemars(example = &"debian.iso")]
    pub name: String,
    /// Bytes of the whole content; where the last part ends when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The media type; taken from the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"application/octet-stream")]
    pub media_type: Option<String>,
    /// A sentence about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Only in these overlays; in all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["home"])]
    pub overlays: Vec<String>,
}

impl Operation for Begin {
    const NAME: &'static str = "upload.begin";
    const HAS_EFFECT: bool = true;
    type Output = Upload;

    async fn call(self, services: &Arc<Services>) -> Outcome<Upload> {
        let overlays = services.overlays.publishing(&self.overlays)?;
        let Self { name, size, media_type, description, tags, .. } = self;
        services.uploads.begin(NewContent { name, media_type, description, tags, overlays }, size).await
    }
}

/// Sends one part of an upload. What is answered survives a crash of the node.
///
/// Parts may come in any order and several at once, of any size, best of chunkSize. A part that overlaps what is there
/// is a Conflict that names the bytes; but a part of which every byte is there already, and the same, is answered as
/// done, so a call whose answer was missed is simply repeated.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Append {
    /// The upload, as upload.begin named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub upload_id: String,
    /// Where the data begins in the content, in bytes.
    pub offset: u64,
    /// The bytes.
    pub data: Payload,
}

impl Operation for Append {
    const NAME: &'static str = "upload.append";
    const HAS_EFFECT: bool = true;
    type Output = Upload;

    fn deadline(&self) -> Duration {
        UPLOAD_DEADLINE
    }

    fn attachment(&mut self) -> Option<&mut Payload> {
        Some(&mut self.data)
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<Upload> {
        services.uploads.append(&self.upload_id, self.offset, self.data.into_stream()).await
    }
}

/// Makes a content of an upload whose parts are all there, and publishes it as content.publish does.
///
/// Missing bytes are a Conflict that names the first of them. Repeated after it has succeeded it answers the same
/// content, for uploads.expire_seconds.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Commit {
    /// The upload, as upload.begin named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub upload_id: String,
    /// The SHA-256 of all bytes as 64 hex digits; when they have another one nothing is published and the upload stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub sha256: Option<String>,
}

impl Operation for Commit {
    const NAME: &'static str = "upload.commit";
    const HAS_EFFECT: bool = true;
    type Output = Content;

    fn deadline(&self) -> Duration {
        UPLOAD_DEADLINE
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<Content> {
        let sha256 = self.sha256.map(|text| text.parse::<Sha256>()).transpose();
        let sha256 = sha256.map_err(|why| Fault::invalid(format!("sha256 {why}")))?;
        let content = services.uploads.commit(&self.upload_id, sha256).await?;
        Ok(Content::clone(&content))
    }
}

/// Gives an upload up and frees the room that it took.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Abort {
    /// The upload, as upload.begin named it.
    #[schemars(example = &"0192f0c1d2e37abc8def0123456789ab")]
    pub upload_id: String,
}

impl Operation for Abort {
    const NAME: &'static str = "upload.abort";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.uploads.abort(&self.upload_id).await? })
    }
}
