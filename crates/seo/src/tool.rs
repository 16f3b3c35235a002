use crate::scores::is_word;

/// What measured a page. What one tool does not find says nothing of what another found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    name: String,
    version: Option<String>,
}

/// A text that can't name a tool or its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidTool {
    #[error("the tool must be lower-case letters, digits, hyphens and underscores, at most 64")]
    Name,
    #[error("the tool_version must be 1 to 64 visible ASCII characters")]
    Version,
}

impl Tool {
    /// The name of a tool that does not give one.
    pub const UNNAMED: &str = "custom";

    /// A tool by its name (`[a-z0-9_-]+`, at most 64 characters) and version (1 to 64 visible ASCII characters).
    pub fn new(name: Option<&str>, version: Option<&str>) -> Result<Self, InvalidTool> {
        let name = name.unwrap_or(Self::UNNAMED);
        if !is_word(name, 64) {
            return Err(InvalidTool::Name);
        }
        let is_version =
            |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if version.is_some_and(|version| !is_version(version)) {
            return Err(InvalidTool::Version);
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }

    /// Takes over a tool that was valid when it was stored.
    pub fn from_stored(name: String, version: Option<String>) -> Self {
        Self { name, version }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, if it told.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_have_a_form() {
        assert_eq!(Tool::new(None, None).unwrap().name(), "custom");
        assert_eq!(Tool::new(Some("my-crawler_2"), Some("1.2.0-rc1")).unwrap().version(), Some("1.2.0-rc1"));
        let long = "a".repeat(65);
        for wrong in ["", "A", "a b", "a\0", "é", &long] {
            assert_eq!(Tool::new(Some(wrong), None), Err(InvalidTool::Name), "{wrong}");
        }
        for wrong in ["", "1 2", "\0", "é", &long] {
            assert_eq!(Tool::new(None, Some(wrong)), Err(InvalidTool::Version), "{wrong}");
        }
    }
}
