//! The protocol: over HTTP beside the other routes, or over standard input and output.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, header, request::Parts};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::tools::{Call, TOOLS, Tool};

/// The most bytes of an answer that an agent is given; whoever wants more exports a file.
const MOST_BYTES: usize = 4 << 20;

/// What agents talk to: the routes, and for standard input the key to call them with.
#[derive(Clone)]
pub struct Agents {
    routes: Router,
    key: Option<Arc<str>>,
}

/// The routes of the API as tools over HTTP. Each request carries its key.
pub fn http_service(routes: Router) -> StreamableHttpService<Agents, NeverSessionManager> {
    // Every request needs a key, which a page that was led to this address by a false name does not have.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    let agents = Agents { routes, key: None };
    StreamableHttpService::new(move || Ok(agents.clone()), Arc::new(NeverSessionManager::default()), config)
}

/// The same over standard input and output, until that ends.
pub async fn serve_stdio(routes: Router, key: &str) -> Result<(), String> {
    let agents = Agents { routes, key: Some(key.into()) };
    let running = agents.serve(rmcp::transport::stdio()).await.map_err(|why| why.to_string())?;
    running.waiting().await.map(|_| ()).map_err(|why| why.to_string())
}

impl ServerHandler for Agents {
    fn get_info(&self) -> ServerConfig {
        let mut implementation = Implementation::from_build_env();
        implementation.name = "dray".to_owned();
        implementation.version = env!("CARGO_PKG_VERSION").to_owned();
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(
                "Dray imports and exports records and accounts for every row. Describe the objects first. Plan an \
                 import, show its counts and problems, then apply it; an import can be undone.",
            )
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(described).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = TOOLS
            .iter()
            .find(|tool| tool.name == request.name)
            .ok_or_else(|| ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None))?;
        let arguments = request.arguments.unwrap_or_default();
        let call = (tool.call)(&arguments).map_err(|why| ErrorData::invalid_params(why, None))?;
        let parts = context.extensions.get::<Parts>();
        Ok(self.answer(call, parts).await.into())
    }
}

impl Agents {
    /// What the route answers, for an agent: JSON as it is, and what did not work as an error it can read.
    async fn answer(&self, call: Call, parts: Option<&Parts>) -> CallToolResult {
        let mut request = Request::new(Body::from(call.body));
        *request.method_mut() = call.method;
        match call.path.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return failed("the arguments make no address"),
        }
        let headers = request.headers_mut();
        self.take_key(parts, headers);
        if let Some(kind) = call.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if let Some(parts) = parts {
            // Where the agent calls from is written into the audit log.
            request.extensions_mut().extend(parts.extensions.clone());
        }
        let Ok(response) = self.routes.clone().oneshot(request).await;
        let worked = response.status().is_success();
        let Ok(body) = axum::body::to_bytes(response.into_body(), MOST_BYTES).await else {
            return failed("the answer is too large: ask for fewer fields or records");
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        match serde_json::from_str::<Value>(&text) {
            Ok(value @ Value::Object(_)) if worked => CallToolResult::structured(value),
            Ok(value @ Value::Object(_)) => CallToolResult::structured_error(value),
            _ if worked => CallToolResult::success(vec![ContentBlock::text(text)]),
            _ => failed(&text),
        }
    }

    fn take_key(&self, parts: Option<&Parts>, headers: &mut HeaderMap) {
        if let Some(value) =
            self.key.as_deref().and_then(|key| HeaderValue::from_str(&format!("Bearer {key}")).ok())
        {
            headers.insert(header::AUTHORIZATION, value);
            return;
        }
        for name in [header::AUTHORIZATION, header::HeaderName::from_static("x-api-key")] {
            if let Some(value) = parts.and_then(|parts| parts.headers.get(&name)) {
                headers.insert(name, value.clone());
            }
        }
    }
}

fn failed(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.to_owned())])
}

fn described(tool: &Tool) -> rmcp::model::Tool {
    let schema = json!({ "type": "object", "properties": (tool.properties)(), "required": tool.required });
    let schema = schema.as_object().cloned().unwrap_or_default();
    let annotations = ToolAnnotations::new().read_only(tool.reads_only).open_world(false);
    rmcp::model::Tool::new(tool.name, tool.about, Arc::new(schema)).annotate(annotations)
}
