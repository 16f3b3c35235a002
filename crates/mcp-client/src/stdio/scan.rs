use rmcp::model::RequestId;

/// Reads the top level of a message that is too large to keep, in constant memory.
///
/// Which call such a line answers must be known, and where its `id` stands is the server's choice: the
/// Node SDK writes it last, behind the result.
#[derive(Debug, Default)]
pub(super) struct TopLevel {
    depth: u32,
    string: Text,
    is_escaped: bool,
    /// Whether the next string of the outermost object is a key.
    expects_key: bool,
    key: Vec<u8>,
    id: Id,
    /// The text of the `id`.
    id_text: Vec<u8>,
    kind: Kind,
}

/// Which string is being read.
#[derive(Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    None,
    /// A key of the outermost object.
    Key,
    Other,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Id {
    #[default]
    Unseen,
    BeingRead,
    Read,
}

/// What the message is, as far as its keys have told.
#[derive(Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Untold,
    Answer,
    /// A request or notification of the server's.
    Other,
}

/// The longest key that matters, and the longest id: longer ones are cut, and so are nobody's.
const LONGEST_KEY: usize = 8;
const LONGEST_ID: usize = 128;

impl TopLevel {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.take(byte);
        }
    }

    /// The id of the call that this answers, once it is known.
    pub(super) fn answers(&self) -> Option<RequestId> {
        let is_known = self.id == Id::Read && self.kind != Kind::Other;
        is_known.then(|| serde_json::from_slice(&self.id_text).ok()).flatten()
    }

    /// Whether this is an answer, to whichever call.
    pub(super) fn is_answer(&self) -> bool {
        self.kind == Kind::Answer
    }

    fn take(&mut self, byte: u8) {
        if self.string != Text::None {
            self.take_within_string(byte);
            return;
        }
        if self.id == Id::BeingRead && self.depth == 1 && matches!(byte, b',' | b'}') {
            self.id = Id::Read;
        }
        if self.id == Id::BeingRead {
            keep(&mut self.id_text, byte, LONGEST_ID);
        }
        match byte {
            b'"' if self.depth == 1 && self.expects_key => {
                self.string = Text::Key;
                self.key.clear();
            }
            b'"' => self.string = Text::Other,
            b'{' | b'[' => {
                self.depth += 1;
                self.expects_key = self.depth == 1 && byte == b'{';
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth == 1 => self.expects_key = true,
            b':' if self.depth == 1 => self.begin_value(),
            _ => {}
        }
    }

    fn take_within_string(&mut self, byte: u8) {
        if self.id == Id::BeingRead {
            keep(&mut self.id_text, byte, LONGEST_ID);
        }
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'\\' {
            self.is_escaped = true;
        } else if byte == b'"' {
            if self.string == Text::Key {
                self.expects_key = false;
            }
            self.string = Text::None;
            return;
        }
        if self.string == Text::Key {
            keep(&mut self.key, byte, LONGEST_KEY);
        }
    }

    fn begin_value(&mut self) {
        match self.key.as_slice() {
            b"id" => {
                self.id = Id::BeingRead;
                self.id_text.clear();
            }
            b"method" => self.kind = Kind::Other,
            b"result" | b"error" if self.kind == Kind::Untold => self.kind = Kind::Answer,
            _ => {}
        }
    }
}

fn keep(kept: &mut Vec<u8>, byte: u8, most: usize) {
    if kept.len() <= most {
        kept.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanned(line: &str, chunk: usize) -> TopLevel {
        let mut top = TopLevel::default();
        for part in line.as_bytes().chunks(chunk) {
            top.feed(part);
        }
        top
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        for line in [
            r#"{"jsonrpc":"2.0","id":7,"result":{"id":1}}"#,
            r#"{"result":{"id":1,"a":"\"id\":2,"},"jsonrpc":"2.0","id": 7 }"#,
            r#"{"error":{"message":"x","id":3},"id":7}"#,
        ] {
            for chunk in [1, 3, 1_000] {
                assert_eq!(scanned(line, chunk).answers(), Some(RequestId::Number(7)), "{line}");
                assert!(scanned(line, chunk).is_answer(), "{line}");
            }
        }
        assert_eq!(scanned(r#"{"id":"a\"b","result":1}"#, 2).answers(), Some(RequestId::String("a\"b".into())));
    }

    #[test]
    fn what_is_no_answer_has_no_id() {
        for line in [
            r#"{"method":"notifications/message","params":{"id":7}}"#,
            r#"{"id":7,"method":"ping"}"#,
            r#"{"result":{"id":7}"#,
            r#"[{"id":7,"result":1}]"#,
            "progress: 7 of 8",
            "",
        ] {
            assert_eq!(scanned(line, 5).answers(), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_told_by_its_id(id: i64, text: String, id_first: bool, chunk in 1_usize..64) {
            let result = serde_json::json!({ "content": [{ "type": "text", "text": text, "id": 0 }], text: "id" });
            let line = if id_first {
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
            } else {
                format!(r#"{{"result":{result},"id":{id}}}"#)
            };
            prop_assert_eq!(scanned(&line, chunk).answers(), Some(RequestId::Number(id)));
        }
    }
}
