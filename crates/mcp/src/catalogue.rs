use std::collections::HashSet;

use core_domain::Timestamp;
use serde_json::Value;

use crate::{
    ArgumentSchema, Digest, Pins, QuarantineReason, Quarantined, Resource, ResourceTemplate, ServerConfig,
    ToolDefinition, UriTemplate, clean,
};

/// What a server said of itself and what it offers, as an adapter read it: every page of every list.
#[derive(Debug, Clone, Default)]
pub struct RawCatalogue {
    /// Its tools.
    pub tools: Vec<ToolDefinition>,
    /// The resources it lists.
    pub resources: Vec<Resource>,
    /// The families of resources it serves.
    pub templates: Vec<ResourceTemplate>,
    /// How it wants to be used.
    pub instructions: Option<String>,
    /// What it calls itself (`name`, `version`, ...): for display alone.
    pub server_info: Option<Value>,
    /// The protocol revision that was agreed on.
    pub protocol_version: String,
}

/// What a server offers, fit to be shown and used.
#[derive(Debug)]
pub struct Catalogue {
    /// Its tools, in its order.
    pub tools: Vec<Tool>,
    /// Its tools that nobody may call.
    pub quarantined: Vec<Quarantined>,
    /// The resources it lists, in its order.
    pub resources: Vec<Resource>,
    /// The families of resources it serves.
    pub templates: Vec<Template>,
    /// How it wants to be used. The server's word.
    pub instructions: Option<String>,
    /// What it calls itself. The server's word.
    pub server_info: Option<Value>,
    /// The protocol revision that was agreed on.
    pub protocol_version: String,
    /// When it was read.
    pub read_at: Timestamp,
}

/// A tool that can be called.
#[derive(Debug)]
pub struct Tool {
    /// What the server says of it; its texts cleaned.
    pub definition: ToolDefinition,
    /// Of the definition as it came.
    pub digest: Digest,
    /// What checks its arguments.
    pub arguments: ArgumentSchema,
}

/// A family of resources.
#[derive(Debug)]
pub struct Template {
    /// What the server says of it; its texts cleaned.
    pub definition: ResourceTemplate,
    /// What recognises its URIs; `None` for a template that can't be read, which then matches nothing.
    pub uris: Option<UriTemplate>,
}

impl Catalogue {
    /// Makes a catalogue fit for use: texts lose what hides (control, bidirectional and zero-width characters),
    /// definitions are held against the pins, argument schemas are compiled. It never fails for one bad tool.
    ///
    /// With [`PinPolicy::FirstSeen`](crate::PinPolicy::FirstSeen) the first catalogue fills `pins`.
    pub fn assemble(config: &ServerConfig, pins: &mut Pins, raw: RawCatalogue, read_at: Timestamp) -> Self {
        let mut tools: Vec<Tool> = Vec::with_capacity(raw.tools.len());
        let mut quarantined = Vec::new();
        let mut seen = HashSet::new();
        for definition in raw.tools {
            let digest = definition.digest();
            let verdict = if !is_tool_name(&definition.name) {
                Err(QuarantineReason::InvalidName)
            } else if !seen.insert(definition.name.clone()) {
                Err(QuarantineReason::Duplicate)
            } else {
                pins.check(&config.pin, &definition.name, digest)
            };
            match verdict {
                Ok(()) => tools.push(Tool::new(definition, digest)),
                Err(reason) => quarantined.push(Quarantined { name: clean(&definition.name), reason, digest }),
            }
        }
        pins.settle(tools.iter().map(|tool| (tool.definition.name.as_str(), tool.digest)));
        Self {
            tools,
            quarantined,
            resources: raw.resources.into_iter().map(Resource::cleaned).collect(),
            templates: raw.templates.into_iter().map(Template::new).collect(),
            instructions: raw.instructions.as_deref().map(clean),
            server_info: raw.server_info,
            protocol_version: raw.protocol_version,
            read_at,
        }
    }

    /// The tool of this name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.definition.name == name)
    }
}

/// 1 to 128 characters of visible ASCII. The protocol advises fewer kinds; servers use others.
fn is_tool_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Tool {
    fn new(mut definition: ToolDefinition, digest: Digest) -> Self {
        let arguments = ArgumentSchema::compile(&definition.input_schema);
        definition.title = definition.title.as_deref().map(clean);
        definition.description = definition.description.as_deref().map(clean);
        Self { definition, digest, arguments }
    }
}

impl Template {
    fn new(definition: ResourceTemplate) -> Self {
        let uris = UriTemplate::parse(&definition.uri_template).ok();
        let definition = ResourceTemplate {
            name: clean(&definition.name),
            title: definition.title.as_deref().map(clean),
            description: definition.description.as_deref().map(clean),
            ..definition
        };
        Self { definition, uris }
    }
}

impl Resource {
    fn cleaned(self) -> Self {
        Self {
            name: clean(&self.name),
            title: self.title.as_deref().map(clean),
            description: self.description.as_deref().map(clean),
            ..self
        }
    }
}
