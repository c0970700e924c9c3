//! `dray serve`: starts, listens, and stops in order.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use dray_model::{Error, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::task::JoinHandle;

use super::listen::listen;
use super::router::router;
use crate::clock;
use crate::interrupt;
use crate::mcp::serve_stdio;
use crate::server::app::App;
use crate::server::directory::{self, FIRST, Role, User, random_text};
use crate::server::limits::Plan;
use crate::server::settings::Settings;
use crate::server::worker;

/// How long the key of an agent on standard input lives at most, in microseconds.
const AGENT_KEY_TIME: i64 = 24 * 3600 * 1_000_000;

/// The user that the first start makes.
const FIRST_USER: &str = "admin@localhost";

/// Serves until the process is asked to end.
pub fn serve(settings: Settings) -> Result<()> {
    on_runtime(run(settings))
}

/// Does jobs until the process is asked to end, and answers nobody.
pub fn work(settings: Settings) -> Result<()> {
    on_runtime(async {
        let app = open(settings).await?;
        let workers = worker::start(&app);
        tracing::info!(workers = app.settings().workers, "jobs are done here");
        while !interrupt::asked() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tracing::info!("stopping: nothing new is taken");
        end_work(&app, workers).await;
        close(&app).await;
        Ok(())
    })
}

fn on_runtime(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|why| Error::file(format!("the server cannot start: {why}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// What all requests and jobs share, where this process has the secret of the store.
async fn open(settings: Settings) -> Result<App> {
    let app = App::new(settings)?;
    let secret = app.secret().clone();
    let checked = app.sessions().directory(move |store| secret.check(store)).await;
    closed_unless(checked, &app).await?;
    Ok(app)
}

/// Closes the sessions where a start came to nothing: to drop them is no work for the threads that answer.
async fn closed_unless<T>(begun: Result<T>, app: &App) -> Result<T> {
    if begun.is_err() {
        close(app).await;
    }
    begun
}

/// Lets the workers hand back what they have, within the time of an orderly stop.
async fn end_work(app: &App, workers: Vec<JoinHandle<()>>) {
    app.stop();
    let _ = tokio::time::timeout(app.settings().stop_time, worker::stop(workers)).await;
}

/// Closes the sessions with the store.
async fn close(app: &App) {
    let sessions = app.sessions().clone();
    let _ = tokio::task::spawn_blocking(move || sessions.close()).await;
}

/// Answers an agent over standard input and output, until that ends.
pub fn serve_agent(settings: Settings, organization: &str, role: Role) -> Result<()> {
    let organization = organization.to_owned();
    on_runtime(async move {
        let app = App::new(settings)?;
        let name = organization.clone();
        let (key, secret) = app
            .sessions()
            .directory(move |store| {
                let now = clock::now();
                if directory::find_organization(store, &name)?.is_none() {
                    directory::create_organization(store, &name, &name, Plan::default(), now)?;
                }
                directory::create_key(store, &name, "dray mcp", role, Some(now + AGENT_KEY_TIME), now)
            })
            .await?;
        let workers = worker::start(&app);
        let handle = PrometheusBuilder::new().build_recorder().handle();
        let served = serve_stdio(router(app.clone(), handle), &secret).await;
        end_work(&app, workers).await;
        app.sessions()
            .directory(move |store| {
                let now = clock::now();
                directory::change_key(store, &organization, &key.id, now, |key| key.revoked_at = Some(now))
            })
            .await?;
        close(&app).await;
        served.map_err(|why| Error::file(format!("the agent cannot be answered: {why}")))
    })
}

async fn run(settings: Settings) -> Result<()> {
    let metrics = PrometheusBuilder::new().build_recorder();
    let handle = metrics.handle();
    // A second server in one process, in tests, counts into the first one's.
    let _ = metrics::set_global_recorder(metrics);
    let app = open(settings).await?;
    let wanted = app.settings().listen;
    let begun = async {
        let first = app.sessions().directory(first_start).await?;
        let listener = tokio::net::TcpListener::bind(wanted).await.map_err(|why| {
            Error::file(format!("`{wanted}` cannot be listened to: {why}"))
                .hint("is another server running there? choose another address with --listen")
        })?;
        Ok((first, listener))
    };
    let (first, listener) = closed_unless(begun.await, &app).await?;
    let address = listener.local_addr().unwrap_or(wanted);
    greet(&app, address, first);
    let workers = worker::start(&app);
    let (end_listening, closed) = tokio::sync::oneshot::channel();
    let serving =
        tokio::spawn(listen(listener, router(app.clone(), handle), app.settings().body_time, closed));
    while !interrupt::asked() && !serving.is_finished() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tracing::info!("stopping: nothing new is taken");
    // Meanwhile whoever asks is told that the server stops.
    end_work(&app, workers).await;
    let _ = end_listening.send(());
    let _ = tokio::time::timeout(app.settings().stop_time, serving).await;
    close(&app).await;
    tracing::info!("stopped");
    Ok(())
}

/// What the first start makes, to be told once.
struct First {
    key: Option<String>,
    link: Option<String>,
}

/// Makes the default organization and, where there is no user yet, an administrator and a key.
fn first_start(store: &mut dyn dray_model::catalog::Session) -> Result<First> {
    let now = clock::now();
    if directory::find_organization(store, FIRST)?.is_none() {
        directory::create_organization(store, FIRST, "Default", Plan::default(), now)?;
    }
    if !directory::list_users(store, FIRST)?.is_empty() {
        return Ok(First { key: None, link: None });
    }
    let user = User {
        id: format!("user_{}", random_text(12)),
        email: FIRST_USER.to_owned(),
        name: "Administrator".to_owned(),
        password_hash: None,
        organization: FIRST.to_owned(),
        role: Role::Admin,
        created_at: now,
    };
    directory::create_user(store, &user, now)?;
    let link = directory::create_sign_in_link(store, FIRST_USER, now)?;
    let (_, key) = directory::create_key(store, FIRST, "first start", Role::Admin, None, now)?;
    Ok(First { key: Some(key), link: Some(link) })
}

/// Tells where the server is, and once how to get in.
fn greet(app: &App, address: SocketAddr, first: First) {
    let url = app.settings().public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mut text = format!("Dray listens on {url}\n");
    if let Some(link) = first.link {
        text.push_str(&format!("Sign in (once, within a day): {url}/sign-in/{link}\n"));
    }
    if app.settings().admin_key.is_some() {
        text.push_str("Admin key: the one in DRAY_ADMIN_KEY\n");
    } else if let Some(key) = first.key {
        text.push_str(&format!("Admin key (shown this once): {key}\n"));
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
