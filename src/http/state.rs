//! What every handler is given.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::error::ApiError;
use super::request_id::RequestIds;
use crate::device::Catalogue;
use crate::jobs::Jobs;
use crate::service::{Service, ServiceError};

/// What a listener shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Console, station, API and portal.
    Everything,
    /// The portal alone, for staff networks.
    PortalOnly,
}

/// How a listener behaves.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Address that links begin with, without a slash at the end: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// Hosts (with port where it is not the scheme's own) that requests may be sent to.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Behind TLS, its own or a proxy's: cookies get `Secure` and the `__Host-` name.
    pub secure: bool,
    /// What is shown.
    pub exposure: Exposure,
}

/// Takes an answer of the service.
pub type Tell<T> = Box<dyn FnOnce(Result<T, ServiceError>) + Send>;

/// How often work is begun again when the record moved under it.
const ATTEMPTS: usize = 3;

/// What every handler is given. One count for all of it: each layer of the router clones it for each
/// request, on all cores at once.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Parts>);

/// The parts of [`AppState`].
#[derive(Debug)]
pub struct Parts {
    /// The use cases.
    pub service: Arc<Service>,
    /// The workers.
    pub jobs: Arc<Jobs>,
    /// Token models.
    pub profiles: Arc<Catalogue>,
    /// How this listener behaves.
    pub settings: HttpSettings,
    /// Requests in flight and failures by address of people who are not signed in.
    pub strangers: Mutex<HashMap<IpAddr, StrangerCount>>,
    /// Ids of requests.
    pub requests: RequestIds,
}

/// What is known of an address whose requests are not signed in.
#[derive(Clone, Copy, Debug, Default)]
pub struct StrangerCount {
    /// Requests in flight.
    pub in_flight: u32,
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AppState {
    /// Puts the parts together; token models are those that are compiled in.
    pub fn new(service: Arc<Service>, jobs: Arc<Jobs>, settings: HttpSettings) -> Self {
        Self::with_profiles(service, jobs, settings, Arc::new(Catalogue::built_in()))
    }

    /// Puts the parts together, with these token models.
    pub fn with_profiles(
        service: Arc<Service>,
        jobs: Arc<Jobs>,
        settings: HttpSettings,
        profiles: Arc<Catalogue>,
    ) -> Self {
        service.set_public_url(&settings.public_url);
        Self(Arc::new(Parts {
            service,
            jobs,
            profiles,
            settings,
            strangers: Mutex::default(),
            requests: RequestIds::default(),
        }))
    }

    /// Starts work of the service that tells its answer later, on this thread: for short work that many
    /// wait for. It is begun again while what it was computed from moves.
    pub async fn answered<T: Send + 'static>(
        &self,
        start: impl Fn(&Service, Tell<T>) + Send,
    ) -> Result<T, ApiError> {
        for _ in 1..ATTEMPTS {
            match self.told(&start).await {
                Err(ServiceError::Stale) => {}
                answer => return answer.map_err(ApiError::from),
            }
        }
        self.told(&start).await.map_err(ApiError::from)
    }

    async fn told<T: Send + 'static>(&self, start: impl Fn(&Service, Tell<T>)) -> Result<T, ServiceError> {
        let (tell, told) = oneshot::channel();
        start(
            &self.service,
            Box::new(move |answer| {
                // Whoever asked may be gone.
                let _ = tell.send(answer);
            }),
        );
        // A store that ends drops what still waits for it.
        told.await.unwrap_or_else(|_| Err(crate::store::StoreError::Unavailable.into()))
    }

    /// Runs one call of the service on a thread that may block: commits, searches and hashes do.
    pub async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Service) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let service = Arc::clone(&self.service);
        // What is logged there belongs to this request.
        let span = tracing::Span::current();
        match tokio::task::spawn_blocking(move || span.in_scope(|| call(&service))).await {
            Ok(answer) => answer.map_err(ApiError::from),
            Err(stopped) => {
                tracing::error!(error = %stopped, "a call of the service ended by a panic");
                Err(ApiError::unexpected())
            }
        }
    }
}
