/// A route that assistants are offered as a tool. What it takes, gives and requires is in the OpenAPI document.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// In lower case.
    pub(super) method: &'static str,
    /// The route's path; its placeholders are named as the tool's arguments are to be.
    pub(super) path: &'static str,
    pub(super) hints: Hints,
}

/// What a tool does to the world (`ToolAnnotations` of the protocol).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol has these four")]
pub struct Hints {
    /// It changes nothing.
    pub is_read_only: bool,
    /// It may overwrite or remove something.
    pub is_destructive: bool,
    /// Called again with the same arguments, it changes nothing more.
    pub is_idempotent: bool,
    /// It has something sent to systems elsewhere.
    pub is_open_world: bool,
}

/// A tool that reads.
pub(super) const fn reads(name: &'static str, path: &'static str) -> Entry {
    let hints = Hints { is_read_only: true, is_destructive: false, is_idempotent: true, is_open_world: false };
    Entry { name, method: "get", path, hints }
}

/// A tool that adds something, each time anew.
pub(super) const fn adds(name: &'static str, path: &'static str) -> Entry {
    let hints = Hints { is_read_only: false, is_destructive: false, is_idempotent: false, is_open_world: false };
    Entry { name, method: "post", path, hints }
}

/// A tool that changes what is there.
pub(super) const fn changes(name: &'static str, path: &'static str) -> Entry {
    let hints = Hints { is_read_only: false, is_destructive: true, is_idempotent: true, is_open_world: false };
    Entry { name, method: "patch", path, hints }
}

/// A tool that removes something.
pub(super) const fn removes(name: &'static str, path: &'static str) -> Entry {
    Entry { method: "delete", ..changes(name, path) }
}

impl Entry {
    /// It has something sent to systems elsewhere.
    pub(super) const fn outside(mut self) -> Self {
        self.hints.is_open_world = true;
        self
    }
}
