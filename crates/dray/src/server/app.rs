//! What all requests share.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dray_engine::pipeline::function::{Functions, Language};
use dray_functions::{Limits, Sandbox};
use dray_model::Result;
use dray_model::catalog::{AuditEntry, Job, Session};
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Notify, Semaphore};

use super::believed::Believed;
use super::directory::{self, FIRST, Key, Organization, Role};
use super::event_desk::EventDesk;
use super::files::Files;
use super::queue::{Queue, submit};
use super::secret::Secret;
use super::sessions::Sessions;
use super::settings::Settings;
use super::throttle::Throttle;
use crate::clock;
use crate::operations::objects::KnownObjects;
use crate::outbound::address::Guard;
use crate::outbound::chat::Chat;
use crate::outbound::client::Outbound;

/// How long the store's clock is believed to go as this machine's does.
const CLOCK_BELIEVED: Duration = Duration::from_secs(10);
/// Keys whose use is remembered at once; beyond, the memory is begun anew.
const MOST_REMEMBERED: usize = 10_000;
/// The use of a key is written down at most so often.
const TOUCH: i64 = 60 * 1_000_000;

/// Files on their way in at once. Each is written down as it comes.
const FILES_AT_ONCE: usize = 64;
/// Large bodies that are no files, on their way in or worked on at once. Each is in memory as a whole.
const BODIES_AT_ONCE: usize = 16;

/// Places for large bodies.
#[derive(Debug)]
pub struct Places {
    /// For files.
    pub files: Arc<Semaphore>,
    /// For everything else.
    pub bodies: Arc<Semaphore>,
}

/// What all requests share; a clone is the same thing.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    secret: Secret,
    sessions: Sessions,
    files: Files,
    queue: Queue,
    limiter: DefaultKeyedRateLimiter<String>,
    throttle: Throttle,
    outbound: Outbound,
    places: Places,
    chat: Option<Chat>,
    functions: Arc<Sandbox>,
    sender: Notify,
    event_desk: EventDesk,
    known_keys: Believed<String, (Key, Organization)>,
    known_admins: Believed<(String, String), bool>,
    store_time: Mutex<Option<(Instant, i64)>>,
    touched: Mutex<HashMap<String, i64>>,
    stopping: AtomicBool,
}

impl App {
    /// Everything for a server with these settings.
    pub fn new(settings: Settings) -> Result<Self> {
        let quota = NonZeroU32::new(settings.requests_per_minute).unwrap_or(NonZeroU32::MIN);
        let inner = Inner {
            sessions: Sessions::new(&settings.store, settings.sessions),
            files: Files::new(&settings.files, settings.bucket.as_ref(), settings.file_bytes)?,
            queue: Queue::default(),
            limiter: RateLimiter::keyed(Quota::per_minute(quota)),
            throttle: Throttle::default(),
            outbound: Outbound::new(Guard::new(settings.allow_outbound.clone()))?,
            places: Places {
                files: Arc::new(Semaphore::new(FILES_AT_ONCE)),
                bodies: Arc::new(Semaphore::new(BODIES_AT_ONCE)),
            },
            chat: settings.chat.clone().map(Chat::new).transpose()?,
            functions: Arc::new(Sandbox::new(program(), Limits::default())),
            sender: Notify::new(),
            event_desk: EventDesk::new(settings.events_per_minute),
            known_keys: Believed::default(),
            known_admins: Believed::default(),
            store_time: Mutex::default(),
            touched: Mutex::default(),
            stopping: AtomicBool::new(false),
            secret: Secret::load(settings.secret_key.as_deref(), &settings.secret_folder)?,
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How the server is set up.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// What signs and seals.
    pub fn secret(&self) -> &Secret {
        &self.inner.secret
    }

    /// Sessions with the store.
    pub fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// Files kept for a while.
    pub fn files(&self) -> &Files {
        &self.inner.files
    }

    /// Makes requests to others, whose addresses come from people.
    pub fn outbound(&self) -> &Outbound {
        &self.inner.outbound
    }

    /// The language model, where one is set.
    pub fn chat(&self) -> Option<&Chat> {
        self.inner.chat.as_ref()
    }

    /// Runs the functions that people wrote.
    pub fn functions(&self) -> &Arc<Sandbox> {
        &self.inner.functions
    }

    /// The languages that functions can be written in here. The first time it is tried out whether they work.
    pub async fn languages(&self) -> Vec<Language> {
        let functions = Arc::clone(self.functions());
        tokio::task::spawn_blocking(move || functions.languages()).await.unwrap_or_default()
    }

    /// Tells whoever sends webhooks to look.
    pub fn sender(&self) -> &Notify {
        &self.inner.sender
    }

    /// Events of connectors, as far as this process has to do with them.
    pub fn event_desk(&self) -> &EventDesk {
        &self.inner.event_desk
    }

    /// The work that waits.
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// Does blocking work in the store of an organization.
    pub async fn run<T: Send + 'static>(
        &self,
        organization: &str,
        work: impl FnOnce(&mut dyn Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.sessions().run(organization, work).await
    }

    /// The objects of an organization.
    pub async fn objects(&self, organization: &str) -> Result<KnownObjects> {
        self.run(organization, |session| KnownObjects::load(session)).await
    }

    /// True once the process was asked to end: nothing new is taken.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    /// Takes nothing new from now on.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.queue().wake();
        self.sender().notify_one();
        self.event_desk().news.notify_one();
    }

    /// Counts a request of this caller; an error tells how long to wait.
    pub fn admit(&self, caller: &str) -> std::result::Result<(), Duration> {
        self.inner
            .limiter
            .check_key(&caller.to_owned())
            .map_err(|until| until.wait_time_from(governor::clock::DefaultClock::default().now()))
    }

    /// Wrong passwords of the last minutes.
    pub fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// Places for large bodies.
    pub fn places(&self) -> &Places {
        &self.inner.places
    }

    /// The key with this secret that was revoked or has ended, for the audit log.
    pub async fn ended_key(&self, secret: &str) -> Result<Option<(Key, Organization)>> {
        let secret = secret.to_owned();
        self.sessions()
            .directory(move |directory| {
                let Some(key) = directory::find_ended_key(directory, &secret)? else { return Ok(None) };
                let organization = directory::find_organization(directory, &key.organization)?;
                Ok(organization.map(|organization| (key, organization)))
            })
            .await
    }

    /// The key with this secret and its organization.
    pub async fn key(&self, secret: &str) -> Result<Option<(Key, Organization)>> {
        let hash = directory::hash_of(secret);
        if let Some(known) = self.inner.known_keys.get(&hash) {
            return Ok(Some(known));
        }
        let now = clock::now();
        let must_touch = {
            let mut touched = lock(&self.inner.touched);
            let last = touched.get(&hash).copied().unwrap_or(0);
            let is_due = now - last >= TOUCH;
            if is_due {
                if touched.len() >= MOST_REMEMBERED {
                    touched.clear();
                }
                touched.insert(hash.clone(), now);
            }
            is_due
        };
        let is_admin_key = self.settings().admin_key.as_deref().is_some_and(|known| {
            bool::from(subtle::ConstantTimeEq::ct_eq(known.as_bytes(), secret.as_bytes()))
        });
        let asked = secret.to_owned();
        let asked_hash = hash.clone();
        let found = self
            .sessions()
            .directory(move |directory| {
                let key = if is_admin_key {
                    Some(environment_key())
                } else {
                    directory::find_key(directory, &asked, now)?
                };
                let Some(key) = key else { return Ok(None) };
                if must_touch && !is_admin_key {
                    directory::touch_key(directory, &asked_hash, now)?;
                }
                let organization = directory::find_organization(directory, &key.organization)?;
                Ok(organization.map(|organization| (key, organization)))
            })
            .await?;
        if let Some(found) = &found {
            self.inner.known_keys.put(hash, Instant::now(), found.clone());
        }
        Ok(found)
    }

    /// True where the key or user of this number is an admin of the organization, and may still be one.
    pub async fn is_admin(&self, organization: &str, id: &str) -> Result<bool> {
        if id == ENVIRONMENT_KEY {
            return Ok(organization == FIRST && self.settings().admin_key.is_some());
        }
        let asked = (organization.to_owned(), id.to_owned());
        if let Some(known) = self.inner.known_admins.get(&asked) {
            return Ok(known);
        }
        let since = Instant::now();
        let (now, (slug, id)) = (self.time().await?, asked.clone());
        let found = self
            .sessions()
            .directory(move |directory| directory::is_admin(directory, &slug, &id, now))
            .await?;
        self.inner.known_admins.put(asked, since, found);
        Ok(found)
    }

    /// Forgets what is believed of keys, users and organizations: something about them was changed.
    pub fn forget_keys(&self) {
        self.inner.known_keys.clear();
        self.inner.known_admins.clear();
    }

    /// The time (microseconds since the epoch) by the store's clock: what several processes judge by time, they
    /// judge by this one, however wrong those of their machines are.
    pub async fn time(&self) -> Result<i64> {
        if let Some((since, time)) = *lock(&self.inner.store_time)
            && since.elapsed() < CLOCK_BELIEVED
        {
            return Ok(time.saturating_add(i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX)));
        }
        let time = self.sessions().directory(|directory| directory.time()).await?;
        *lock(&self.inner.store_time) = Some((Instant::now(), time));
        Ok(time)
    }

    /// The same; by this machine's clock where the store does not answer.
    pub async fn time_at_least_here(&self) -> i64 {
        self.time().await.unwrap_or_else(|_| clock::now())
    }

    /// Keeps a new job, which begins as soon as a worker is free; returns it with its number.
    pub async fn submit(&self, organization: &str, job: Job) -> Result<Job> {
        let job = self.run(organization, move |session| submit(session, job)).await?;
        self.queue().wake();
        Ok(job)
    }

    /// The organizations, by their names in addresses; none where the store does not answer, which is logged.
    pub async fn organizations(&self) -> Vec<String> {
        match self.sessions().directory(|store| directory::list_organizations(store)).await {
            Ok(organizations) => organizations.into_iter().map(|organization| organization.slug).collect(),
            Err(error) => {
                tracing::warn!(%error, "the organizations cannot be listed");
                Vec::new()
            }
        }
    }

    /// Adds a line to an organization's audit log. What cannot be written there is at least in the log.
    pub async fn audit(&self, organization: &str, entry: AuditEntry) {
        let written = self.run(organization, move |session| session.append_audit(&entry)).await;
        if let Err(error) = written {
            tracing::error!(%error, "a line of the audit log could not be written");
        }
    }
}

/// This program, which runs itself again for work that is done apart.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_default()
}

/// The number of the key that the environment gives.
const ENVIRONMENT_KEY: &str = "key_environment";

/// The key that the environment gives.
fn environment_key() -> Key {
    Key {
        id: ENVIRONMENT_KEY.to_owned(),
        organization: FIRST.to_owned(),
        name: "DRAY_ADMIN_KEY".to_owned(),
        role: Role::Admin,
        prefix: String::new(),
        created_at: 0,
        last_used_at: None,
        revoked_at: None,
        expires_at: None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
