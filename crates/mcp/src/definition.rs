use serde_json::Value;

/// A tool, as its server describes it. Everything in it is the server's word, and untrusted.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDefinition {
    /// Its name, unique within the server.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// The JSON Schema of its structured result.
    pub output_schema: Option<Value>,
    /// What the server says of its nature (`readOnlyHint` and so on).
    pub annotations: Option<Value>,
}

/// A resource that a server lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Where it is, byte for byte as the server spells it.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// What the server says its content is.
    pub mime_type: Option<String>,
    /// Its size in bytes, as the server says.
    pub size: Option<u64>,
}

/// A family of resources that a server serves without listing each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTemplate {
    /// Their URIs (RFC 6570).
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What they are.
    pub description: Option<String>,
    /// What the server says their content is.
    pub mime_type: Option<String>,
}

/// One part of a resource that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceContents {
    /// Its URI, which may lie below the one that was asked for.
    pub uri: String,
    /// What the server says it is. Servers err in this.
    pub mime_type: Option<String>,
    /// What it holds.
    pub body: ResourceBody,
}

/// What a resource holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceBody {
    /// Text.
    Text(String),
    /// Bytes, in base64 as the server sent them.
    Blob(String),
}

/// What a tool answered, as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolAnswer {
    /// The content blocks in order, each as the server sent it: an object with `type`. Empty where the answer has no `content`.
    pub blocks: Vec<Value>,
    /// The structured result; `Some(Value::Null)` where the server sent null, `None` where it sent nothing.
    pub structured_content: Option<Value>,
    /// Whether the tool says that it failed.
    pub is_error: bool,
}
