//! Names become checked addresses. The connection goes to what was checked: the name is looked up once, here,
//! so that a name which changes its answer in between leads nowhere else.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Guard;

/// How long a name may take to be looked up.
const LOOKUP_TIME: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 32;

/// Where a name's addresses come from.
pub type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Lookup: Send + Sync {
    /// The addresses of a name.
    fn lookup(&self, host: String) -> Found;
}

/// Looks names up as the machine does.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> Found {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name that leads inside.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) what: &'static str,
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it leads to {}", self.what)
    }
}

impl std::error::Error for Inside {}

/// Gives a name's addresses only where all of them may be asked: a name that leads both in and out is a trap.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    pub(super) guard: Guard,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl CheckedResolver {
    pub(super) async fn addresses(
        self,
        host: String,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = tokio::time::timeout(LOOKUP_TIME, self.lookup.lookup(host.clone())).await;
        let addresses = found.map_err(|_| "the name takes too long to be looked up")??;
        if addresses.is_empty() {
            return Err("the name has no address".into());
        }
        for address in &addresses {
            if let Err(what) = self.guard.check(*address) {
                tracing::warn!(%host, %address, "a name leads inside and was not asked");
                return Err(Box::new(Inside { what }));
            }
        }
        Ok(addresses)
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str().to_owned()).await?;
            let addresses =
                addresses.into_iter().take(MOST_ADDRESSES).map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
