use crate::{ResourceBody, ResourceContents, UpstreamError};

/// What a resource holds, as callers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its parts: one, as a rule; several for what holds others, such as a folder.
    pub parts: Vec<ReadingPart>,
}

/// One part of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingPart {
    /// What the server sent.
    pub contents: ResourceContents,
    /// Its size in bytes: of the text in UTF-8, or of the blob once decoded.
    pub size: usize,
}

impl Reading {
    /// # Errors
    /// [`UpstreamError::TooLarge`] when what the server sent holds more than `limit` bytes.
    pub fn of(contents: Vec<ResourceContents>, limit: usize) -> Result<Self, UpstreamError> {
        let sent = |contents: &ResourceContents| match &contents.body {
            ResourceBody::Text(text) | ResourceBody::Blob(text) => text.len() + contents.uri.len(),
        };
        if contents.iter().map(sent).sum::<usize>() > limit {
            return Err(UpstreamError::TooLarge { limit });
        }
        let sized = |contents: ResourceContents| {
            let size = match &contents.body {
                ResourceBody::Text(text) => text.len(),
                ResourceBody::Blob(text) => decoded_len(text),
            };
            ReadingPart { contents, size }
        };
        Ok(Self { parts: contents.into_iter().map(sized).collect() })
    }
}

/// How many bytes a text in base64 stands for.
fn decoded_len(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(body: ResourceBody) -> ResourceContents {
        ResourceContents { uri: "a:b".to_owned(), mime_type: None, body }
    }

    #[test]
    fn parts_are_sized_in_bytes_and_bounded() {
        let blobs = ["", "aA==", "aGk=", "aGkh", "aGkhaA"].map(|text| part(ResourceBody::Blob(text.to_owned())));
        let reading = Reading::of(blobs.to_vec(), 100).unwrap();
        assert_eq!(reading.parts.iter().map(|part| part.size).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let text = vec![part(ResourceBody::Text("é".repeat(50)))];
        assert_eq!(Reading::of(text.clone(), 103).unwrap().parts[0].size, 100);
        assert_eq!(Reading::of(text, 102), Err(UpstreamError::TooLarge { limit: 102 }));
    }
}
