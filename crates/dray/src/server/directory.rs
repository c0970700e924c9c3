//! Who there is: organizations, users, keys and signed-in browsers. Of secrets only hashes are kept.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use dray_model::catalog::Session;
use dray_model::{Error, Result};
use rand::RngExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::limits::Plan;

const ORGANIZATION: &str = "organization";
const KEY: &str = "key";
const USER: &str = "user";
const SIGNED_IN: &str = "signed_in";
const SIGN_IN_LINK: &str = "sign_in_link";

/// The organization that is there from the first start on; its admins make others.
pub const FIRST: &str = "default";

/// How long a browser stays signed in, in microseconds.
const SIGNED_IN_TIME: i64 = 14 * 24 * 3600 * 1_000_000;
/// How long a sign-in link can be used.
const LINK_TIME: i64 = 24 * 3600 * 1_000_000;
/// Organizations, keys or users listed at once.
const MOST_LISTED: u64 = 10_000;

/// What a key or a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything in the organization.
    Admin,
    /// Reads records; imports and exports nothing.
    Member,
    /// Plans imports and describes objects, for an agent that may only propose.
    Planner,
}

impl Role {
    /// The word in files, the API and on pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Planner => "planner",
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Organization {
    /// Number.
    pub id: i64,
    /// Name in addresses, of its schema or file.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub plan: Plan,
    /// Microseconds since the epoch.
    pub created_at: i64,
}

/// A key of a program or an agent.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Key {
    /// Number within the server, as text.
    pub id: String,
    /// The organization's slug.
    pub organization: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The first letters, by which people tell keys apart.
    pub prefix: String,
    /// Microseconds since the epoch, as all times here.
    pub created_at: i64,
    /// When it was last used, to the minute.
    #[serde(default)]
    pub last_used_at: Option<i64>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<i64>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<i64>,
}

impl Key {
    /// True once it was revoked or came to its end.
    fn has_ended(&self, now: i64) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Number within the server, as text.
    pub id: String,
    /// Lower-cased e-mail address: the name to sign in with.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// Argon2id, with salt and costs.
    pub password_hash: Option<String>,
    /// The organization's slug.
    pub organization: String,
    /// What the person may do.
    pub role: Role,
    /// Microseconds since the epoch.
    pub created_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SignedIn {
    user: String,
    until: i64,
}

/// Reads a document as what it is.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|cause| {
        Error::store("an entry of the directory cannot be read")
            .hint("was the store used by a newer Dray?")
            .because(cause)
    })
}

fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|cause| Error::store("an entry of the directory cannot be written").because(cause))
}

/// SHA-256 as hexadecimal text: what is kept of keys and tokens, which are random enough for it.
pub fn hash_of(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random letters and digits, about 5.95 bits each.
pub fn random_text(letters: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..letters).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

// ── organizations ───────────────────────────────────────────────────────────────────────────────────

/// The organization of this slug or number.
pub fn find_organization(directory: &mut dyn Session, name: &str) -> Result<Option<Organization>> {
    if let Some(found) = directory.find_document(ORGANIZATION, name)? {
        return parse(&found.body).map(Some);
    }
    let Ok(number) = name.parse::<i64>() else { return Ok(None) };
    Ok(list_organizations(directory)?.into_iter().find(|organization| organization.id == number))
}

/// All organizations.
pub fn list_organizations(directory: &mut dyn Session) -> Result<Vec<Organization>> {
    let found = directory.list_documents(ORGANIZATION, "", MOST_LISTED)?;
    found.iter().map(|document| parse(&document.body)).collect()
}

/// Makes an organization; an error where there is one of this slug.
pub fn create_organization(
    directory: &mut dyn Session,
    slug: &str,
    name: &str,
    plan: Plan,
    now: i64,
) -> Result<Organization> {
    dray_stores::check_organization(slug)?;
    let id = list_organizations(directory)?.iter().map(|known| known.id).max().unwrap_or(0) + 1;
    let organization =
        Organization { id, slug: slug.to_owned(), name: name.to_owned(), plan, created_at: now };
    if !directory.create_document(ORGANIZATION, slug, &write(&organization)?, now)? {
        return Err(
            Error::request(format!("there is an organization `{slug}` already")).hint("choose another name")
        );
    }
    Ok(organization)
}

/// Writes a changed organization.
pub fn save_organization(directory: &mut dyn Session, organization: &Organization, now: i64) -> Result<()> {
    directory.save_document(ORGANIZATION, &organization.slug, &write(organization)?, now)
}

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────

/// Makes a key; returns it with its secret, which is shown this once and not kept.
pub fn create_key(
    directory: &mut dyn Session,
    organization: &str,
    name: &str,
    role: Role,
    expires_at: Option<i64>,
    now: i64,
) -> Result<(Key, String)> {
    let body = random_text(40);
    // The last six letters check the others, so that scanners and typing errors are told apart.
    let check: String = hash_of(&body).chars().take(6).collect();
    let secret = format!("dray_{body}{check}");
    let key = Key {
        id: format!("key_{}", random_text(12)),
        organization: organization.to_owned(),
        name: name.to_owned(),
        role,
        prefix: secret.chars().take(11).collect(),
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        expires_at,
    };
    directory.create_document(KEY, &hash_of(&secret), &write(&key)?, now)?;
    Ok((key, secret))
}

/// The key with this secret, unless it was revoked or has ended.
pub fn find_key(directory: &mut dyn Session, secret: &str, now: i64) -> Result<Option<Key>> {
    let Some(found) = directory.find_document(KEY, &hash_of(secret))? else { return Ok(None) };
    let key: Key = parse(&found.body)?;
    Ok(Some(key).filter(|key| !key.has_ended(now)))
}

/// The key with this secret even where it was revoked or has ended, to tell whose it was.
pub fn find_ended_key(directory: &mut dyn Session, secret: &str) -> Result<Option<Key>> {
    let found = directory.find_document(KEY, &hash_of(secret))?;
    found.map(|document| parse(&document.body)).transpose()
}

/// The keys of an organization.
pub fn list_keys(directory: &mut dyn Session, organization: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for document in directory.list_documents(KEY, "", MOST_LISTED)? {
        let key: Key = parse(&document.body)?;
        if key.organization == organization {
            keys.push(key);
        }
    }
    keys.sort_by_key(|key| key.created_at);
    Ok(keys)
}

/// Changes the key of this number in an organization; false where there is none.
pub fn change_key(
    directory: &mut dyn Session,
    organization: &str,
    id: &str,
    now: i64,
    change: impl Fn(&mut Key),
) -> Result<bool> {
    for document in directory.list_documents(KEY, "", MOST_LISTED)? {
        let mut key: Key = parse(&document.body)?;
        if key.organization == organization && key.id == id {
            change(&mut key);
            directory.save_document(KEY, &document.key, &write(&key)?, now)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// True where this is an admin's key, or an admin, of an organization, and neither revoked nor ended nor deleted.
pub fn is_admin(directory: &mut dyn Session, organization: &str, id: &str, now: i64) -> Result<bool> {
    if list_users(directory, organization)?.iter().any(|user| user.id == id && user.role == Role::Admin) {
        return Ok(true);
    }
    let keys = list_keys(directory, organization)?;
    Ok(keys.iter().any(|key| key.id == id && key.role == Role::Admin && !key.has_ended(now)))
}

/// Writes down that a key was used.
pub fn touch_key(directory: &mut dyn Session, secret_hash: &str, now: i64) -> Result<()> {
    let Some(found) = directory.find_document(KEY, secret_hash)? else { return Ok(()) };
    let mut key: Key = parse(&found.body)?;
    key.last_used_at = Some(now);
    // Whoever changed it meanwhile, to revoke it perhaps, goes first.
    directory.replace_document(KEY, secret_hash, found.version, &write(&key)?, now)?;
    Ok(())
}

// ── users ───────────────────────────────────────────────────────────────────────────────────────────

/// Makes a user; an error where the address is taken.
pub fn create_user(directory: &mut dyn Session, user: &User, now: i64) -> Result<()> {
    if !directory.create_document(USER, &user.email, &write(user)?, now)? {
        return Err(Error::request(format!("there is a user `{}` already", user.email))
            .hint("each address belongs to one user"));
    }
    Ok(())
}

/// The user of this address.
pub fn find_user(directory: &mut dyn Session, email: &str) -> Result<Option<User>> {
    let found = directory.find_document(USER, &email.trim().to_lowercase())?;
    found.map(|document| parse(&document.body)).transpose()
}

/// The users of an organization.
pub fn list_users(directory: &mut dyn Session, organization: &str) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for document in directory.list_documents(USER, "", MOST_LISTED)? {
        let user: User = parse(&document.body)?;
        if user.organization == organization {
            users.push(user);
        }
    }
    Ok(users)
}

/// Deletes the user of this number in an organization; false where there is none.
pub fn delete_user(directory: &mut dyn Session, organization: &str, id: &str) -> Result<bool> {
    match list_users(directory, organization)?.into_iter().find(|user| user.id == id) {
        Some(user) => directory.delete_document(USER, &user.email),
        None => Ok(false),
    }
}

/// Changes the user of this number in an organization; the changed user, where there is one.
pub fn change_user(
    directory: &mut dyn Session,
    organization: &str,
    id: &str,
    now: i64,
    change: impl Fn(&mut User),
) -> Result<Option<User>> {
    let found = list_users(directory, organization)?.into_iter().find(|user| user.id == id);
    let Some(mut user) = found else { return Ok(None) };
    change(&mut user);
    directory.save_document(USER, &user.email, &write(&user)?, now)?;
    Ok(Some(user))
}

/// Forgets every browser of a user.
pub fn sign_out_everywhere(directory: &mut dyn Session, email: &str) -> Result<()> {
    for kind in [SIGNED_IN, SIGN_IN_LINK] {
        let mut after = String::new();
        loop {
            let documents = directory.list_documents(kind, &after, 1_000)?;
            let Some(last) = documents.last() else { break };
            after = last.key.clone();
            for document in &documents {
                let entry: SignedIn = parse(&document.body)?;
                if entry.user == email {
                    directory.delete_document(kind, &document.key)?;
                }
            }
        }
    }
    Ok(())
}

/// Argon2id with a fresh salt. Takes a while on purpose.
pub fn hash_password(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|why| Error::request(format!("the password cannot be used: {why}")).hint("choose another"))
}

/// True where the password is the user's. Takes as long where there is no such user.
pub fn is_password(user: Option<&User>, password: &str) -> bool {
    /// The hash of nothing anybody knows.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$UyGkVhsWJ0lbOXTeBdSkcmZHpmzqXHqFUkUxSXwVJb0";
    let known = user.and_then(|user| user.password_hash.as_deref());
    let Ok(hash) = PasswordHash::new(known.unwrap_or(NOBODY)) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known.is_some()
}

/// Signs a user in; returns the token for the browser's cookie.
pub fn sign_in(directory: &mut dyn Session, user: &User, now: i64) -> Result<String> {
    let token = random_text(43);
    let entry = SignedIn { user: user.email.clone(), until: now + SIGNED_IN_TIME };
    directory.create_document(SIGNED_IN, &hash_of(&token), &write(&entry)?, now)?;
    Ok(token)
}

/// The user whose browser has this token.
pub fn signed_in_user(directory: &mut dyn Session, token: &str, now: i64) -> Result<Option<User>> {
    let Some(found) = directory.find_document(SIGNED_IN, &hash_of(token))? else { return Ok(None) };
    let entry: SignedIn = parse(&found.body)?;
    if entry.until <= now {
        return Ok(None);
    }
    find_user(directory, &entry.user)
}

/// Forgets a browser.
pub fn sign_out(directory: &mut dyn Session, token: &str) -> Result<()> {
    directory.delete_document(SIGNED_IN, &hash_of(token)).map(|_| ())
}

/// Makes a token that signs a user in once.
pub fn create_sign_in_link(directory: &mut dyn Session, email: &str, now: i64) -> Result<String> {
    let token = random_text(43);
    let entry = SignedIn { user: email.to_owned(), until: now + LINK_TIME };
    directory.create_document(SIGN_IN_LINK, &hash_of(&token), &write(&entry)?, now)?;
    Ok(token)
}

/// Uses such a token up; the user it signs in.
pub fn use_sign_in_link(directory: &mut dyn Session, token: &str, now: i64) -> Result<Option<User>> {
    let Some(found) = directory.find_document(SIGN_IN_LINK, &hash_of(token))? else { return Ok(None) };
    // Only one of two that come at once deletes it.
    if !directory.delete_document(SIGN_IN_LINK, &hash_of(token))? {
        return Ok(None);
    }
    let entry: SignedIn = parse(&found.body)?;
    if entry.until <= now { Ok(None) } else { find_user(directory, &entry.user) }
}
