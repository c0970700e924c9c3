//! SFTP, which follows.
use super::Listed;
use super::copy::{Fetched, Patience};
use super::path::{InvalidPath, Pattern};
use super::settings::SftpSettings;
use super::sftp_upload::Upload;
use crate::outbound::client::Outbound;
use crate::outbound::fetch::FetchWatch;
use dray_model::{Error, Result};
use std::path::Path;
use tokio::runtime::Handle;
pub(super) struct Sftp {}
fn no<T>() -> Result<T> {
    Err(Error::source("not yet"))
}
impl Sftp {
    pub(super) fn new(_: Box<SftpSettings>, _: Option<String>, _: Outbound, _: Patience, _: Handle) -> Self {
        Self {}
    }
    pub(super) fn absolute_path(&self, _: &str) -> std::result::Result<String, InvalidPath> {
        Err(InvalidPath(String::new()))
    }
    pub(super) fn test(&self) -> Result<String> {
        no()
    }
    pub(super) fn fetch(&self, _: &str, _: &Path, _: u64, _: FetchWatch<'_>) -> Result<Fetched> {
        no()
    }
    pub(super) fn newest(&self, _: &Pattern) -> Result<Option<Listed>> {
        no()
    }
    pub(super) fn create(&self, _: &str) -> Result<Upload> {
        no()
    }
}
