use std::sync::Arc;

use core_domain::{McpServers, Realm, Tier};

use crate::{Catalogue, Instance, Registry, Resource, ServerConfig, ServerId, Template, Tool};

/// Who looks at the servers.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// Where it acts.
    pub realm: Realm,
    /// The workspace's tier.
    pub tier: Tier,
    /// The servers that its credential may use; `None` for all.
    pub servers: Option<&'a McpServers>,
}

/// What a viewer sees of one server. Lists, calls and resources all see through it, and nothing beside it.
#[derive(Debug, Clone)]
pub struct View {
    /// The server.
    pub server: Arc<ServerConfig>,
    /// The copy of it that the viewer's calls go to.
    pub instance: Instance,
}

impl View {
    /// The server, if the viewer may use it: its workspace, its tier and its credential must all allow it.
    pub fn of(registry: &Registry, viewer: &Viewer<'_>, id: &ServerId) -> Option<Self> {
        let server = registry.get(id)?;
        let allowed = server.workspaces.as_ref().is_none_or(|allowed| allowed.contains(&viewer.realm.workspace_id))
            && server.tiers.as_ref().is_none_or(|tiers| tiers.contains(&viewer.tier))
            && viewer.servers.is_none_or(|servers| servers.ids().iter().any(|known| known == id.as_str()));
        allowed.then(|| Self { server: Arc::clone(server), instance: server.instance_for(viewer.realm) })
    }

    /// Every server that the viewer may use, by id.
    pub fn all(registry: &Registry, viewer: &Viewer<'_>) -> Vec<Self> {
        registry.iter().filter_map(|server| Self::of(registry, viewer, &server.id)).collect()
    }

    /// Whether a tool of this name may be used, if the server has it.
    pub fn allows(&self, tool: &str) -> bool {
        self.server.tools.as_ref().is_none_or(|allowed| allowed.contains(tool))
    }

    /// The tools that may be used, in the server's order.
    pub fn tools<'c>(&'c self, catalogue: &'c Catalogue) -> impl Iterator<Item = &'c Tool> {
        catalogue.tools.iter().filter(|tool| self.allows(&tool.definition.name))
    }

    /// The tool of this name, if it may be used.
    pub fn tool<'c>(&self, catalogue: &'c Catalogue, name: &str) -> Option<&'c Tool> {
        catalogue.tool(name).filter(|_| self.allows(name))
    }

    /// The listed resources that may be read.
    pub fn resources<'c>(&self, catalogue: &'c Catalogue) -> &'c [Resource] {
        if self.server.resources { &catalogue.resources } else { &[] }
    }

    /// The families of resources that may be read.
    pub fn templates<'c>(&self, catalogue: &'c Catalogue) -> &'c [Template] {
        if self.server.resources { &catalogue.templates } else { &[] }
    }
}
