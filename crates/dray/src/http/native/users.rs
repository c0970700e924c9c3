//! Users of the organization: listed, made, deleted, given a password.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::session::{PASSWORD_BYTES, hashing};
use super::shapes::short;
use crate::clock;
use crate::http::access::{Actor, Admin};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{JsonBody, Path};
use crate::server::app::App;
use crate::server::directory::{self, Role, User, random_text};

/// The shortest password.
const PASSWORD_LETTERS: usize = 10;
/// The longest name or address.
const NAME_LETTERS: usize = 255;

/// A user as the API shows it: without the password's hash.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShownUser {
    /// `user_` and letters and digits.
    pub id: String,
    /// The name to sign in with.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// True once a password was set.
    pub has_password: bool,
    /// Microseconds since the epoch.
    pub created_at: i64,
}

impl From<User> for ShownUser {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            role: user.role,
            has_password: user.password_hash.is_some(),
            created_at: user.created_at,
        }
    }
}

/// The users of the organization.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Users {
    /// In the order of their addresses.
    pub users: Vec<ShownUser>,
}

/// A user to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// E-mail address: the name to sign in with.
    pub email: String,
    /// Name for people.
    #[serde(default)]
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// At least ten letters; without one, the answer has a link to sign in with once.
    pub password: Option<String>,
}

/// A user that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeUser {
    /// Who.
    #[serde(flatten)]
    pub user: ShownUser,
    /// Where no password was given: the secret of a link, `/sign-in/{secret}`, that signs in once within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A password to set.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At least ten letters.
    pub password: String,
    /// The password so far, where a user who is no admin sets their own.
    pub current_password: Option<String>,
}

fn check_password(password: &str) -> Answer<()> {
    if password.chars().count() < PASSWORD_LETTERS || password.len() > PASSWORD_BYTES {
        return Err(Failure::validation(format!(
            "a password has at least {PASSWORD_LETTERS} letters and at most {PASSWORD_BYTES} bytes"
        )));
    }
    Ok(())
}

fn check_email(email: &str) -> Answer<()> {
    let parts = email.split_once('@').filter(|(name, domain)| !name.is_empty() && !domain.is_empty());
    let is_plain =
        email.len() <= NAME_LETTERS && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    if parts.is_none_or(|(_, domain)| domain.contains('@')) || !is_plain {
        return Err(Failure::validation(format!("`{}` is no e-mail address", short(email))));
    }
    Ok(())
}

/// List the users.
#[utoipa::path(get, path = "/api/v1/users", tag = "access", responses((status = 200, body = Users)), security(("key" = [])))]
pub async fn list(State(app): State<App>, Admin(actor): Admin) -> Answer<Json<Users>> {
    let organization = actor.organization().to_owned();
    let users = app.sessions().directory(move |store| directory::list_users(store, &organization)).await?;
    app.audit(actor.organization(), actor.entry("user.list", "", json!({ "users": users.len() }))).await;
    Ok(Json(Users { users: users.into_iter().map(ShownUser::from).collect() }))
}

/// Make a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = NewUser, responses((status = 201, body = MadeUser), (status = 400), (status = 409)), security(("key" = [])))]
pub async fn create(
    State(app): State<App>,
    Admin(actor): Admin,
    JsonBody(new): JsonBody<NewUser>,
) -> Answer<(StatusCode, Json<MadeUser>)> {
    let email = new.email.trim().to_lowercase();
    check_email(&email)?;
    let name = new.name.trim().to_owned();
    if name.chars().count() > NAME_LETTERS || name.chars().any(char::is_control) {
        return Err(Failure::validation(format!("`name` has at most {NAME_LETTERS} letters")));
    }
    let password_hash = match new.password {
        None => None,
        Some(password) => {
            check_password(&password)?;
            Some(hashing(move || directory::hash_password(&password)).await??)
        }
    };
    let user = User {
        id: format!("user_{}", random_text(12)),
        email: email.clone(),
        name,
        password_hash,
        organization: actor.organization().to_owned(),
        role: new.role,
        created_at: clock::now(),
    };
    let kept = user.clone();
    let made = app
        .sessions()
        .directory(move |store| {
            if directory::find_user(store, &kept.email)?.is_some() {
                return Ok(None);
            }
            directory::create_user(store, &kept, kept.created_at)?;
            if kept.password_hash.is_some() {
                return Ok(Some(None));
            }
            directory::create_sign_in_link(store, &kept.email, kept.created_at).map(|link| Some(Some(link)))
        })
        .await?;
    let secret = made.ok_or_else(|| {
        Failure::conflict(format!("there is a user `{email}` already: each address belongs to one user"))
    })?;
    let details = json!({ "email": user.email, "role": user.role });
    app.audit(actor.organization(), actor.entry("user.create", user.id.clone(), details)).await;
    Ok((StatusCode::CREATED, Json(MadeUser { user: user.into(), secret })))
}

/// Delete a user, whose browsers are signed out. The last admin stays.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path)), responses((status = 204), (status = 404), (status = 409)), security(("key" = [])))]
pub async fn delete(
    State(app): State<App>,
    Admin(actor): Admin,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let (organization, wanted) = (actor.organization().to_owned(), id.clone());
    let deleted = app
        .sessions()
        .directory(move |store| {
            let users = directory::list_users(store, &organization)?;
            let Some(user) = users.iter().find(|user| user.id == wanted) else { return Ok(None) };
            let admins = users.iter().filter(|user| user.role == Role::Admin).count();
            if user.role == Role::Admin && admins == 1 {
                return Ok(Some(false));
            }
            directory::delete_user(store, &organization, &wanted)?;
            directory::sign_out_everywhere(store, &user.email)?;
            Ok(Some(true))
        })
        .await?;
    match deleted {
        None => return Err(Failure::not_found("there is no such user")),
        Some(false) => return Err(Failure::conflict("this is the only admin: make another one first")),
        Some(true) => app.forget_keys(),
    }
    app.audit(actor.organization(), actor.entry("user.delete", id, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Set a user's password: an admin anybody's, a signed-in user their own. All browsers are signed out.
#[utoipa::path(put, path = "/api/v1/users/{id}/password", tag = "access", params(("id" = String, Path)), request_body = NewPassword, responses((status = 204), (status = 400), (status = 403), (status = 404)), security(("key" = [])))]
pub async fn set_password(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    JsonBody(new): JsonBody<NewPassword>,
) -> Answer<StatusCode> {
    let organization = actor.organization().to_owned();
    let users = app.sessions().directory(move |store| directory::list_users(store, &organization)).await?;
    let user = users.into_iter().find(|user| user.id == id);
    let is_own = user.as_ref().is_some_and(|user| actor.name == format!("user {}", user.email));
    if !is_own {
        actor.must_be_admin()?;
    }
    let user = user.ok_or_else(|| Failure::not_found("there is no such user"))?;
    check_password(&new.password)?;
    if is_own && actor.role != Role::Admin {
        let current = new.current_password.unwrap_or_default();
        if current.len() > PASSWORD_BYTES {
            return Err(Failure::denied("`current_password` is wrong"));
        }
        let of_user = format!("user {}", user.email);
        let limits = [(of_user.as_str(), 10)];
        app.throttle()
            .attempt(&limits)
            .map_err(|_| Failure::denied("too many wrong passwords: wait a few minutes"))?;
        let known = user.clone();
        if !hashing(move || directory::is_password(Some(&known), &current)).await? {
            return Err(Failure::denied("`current_password` is wrong"));
        }
        app.throttle().succeeded(&limits);
    }
    let hash = hashing(move || directory::hash_password(&new.password)).await??;
    let (organization, email) = (actor.organization().to_owned(), user.email.clone());
    app.sessions()
        .directory(move |store| {
            directory::change_user(store, &organization, &user.id, clock::now(), |user| {
                user.password_hash = Some(hash.clone());
            })?;
            directory::sign_out_everywhere(store, &email)
        })
        .await?;
    app.audit(actor.organization(), actor.entry("user.set_password", id, json!({}))).await;
    Ok(StatusCode::NO_CONTENT)
}
