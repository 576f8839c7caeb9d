//! `roster serve`: everything in one process, from the first line to a tidy end.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::banner::{Place, Places, Step, complain, say};
use super::engines::{Engines, Listeners};
use super::issuer::Issuer;
use super::signals::Signals;
use super::{Trouble, awaited, changes, connections, guard, listen, pages, uploads};
use crate::app::App;
use crate::config::{Auth, Config};
use crate::doors;
use crate::events::{Bus, Feed, Target};
use crate::telemetry;

/// How long requests in flight may take when the server is to end.
const GRACE: Duration = Duration::from_secs(10);

/// What can be chosen.
#[derive(Debug)]
pub struct Options {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the embedded DynamoDB listens.
    pub dynamodb_listen: SocketAddr,
    /// Where the embedded S3 listens.
    pub s3_listen: SocketAddr,
    /// How callers prove who they are: `open`, or `jwt` with tokens of an issuer that the environment names or, without
    /// one, of this machine's own.
    pub auth: Option<String>,
    /// Where the key pair of this machine's own issuer is.
    pub issuer: PathBuf,
    /// The data folder; nothing is kept without one.
    pub data: Option<PathBuf>,
    /// Whether to create table and bucket at endpoints that are not embedded, too.
    pub create: bool,
}

/// Serves until Ctrl-C or SIGTERM; a second one does not wait for requests in flight.
pub fn run(options: &Options) -> Result<(), Trouble> {
    let mut config = Config::local_from_env(options.auth.as_deref())?;
    let issuer = is_own_issuer(&config).then(|| Issuer::open(&options.issuer)).transpose()?;
    if let Some(issuer) = &issuer {
        config.trust_local_issuer(&issuer.jwks());
    }
    telemetry::init(&config);
    let listeners = Listeners::bind(options, &config)?;
    if let Some(warning) = listeners.warning(config.auth == Auth::Open) {
        if config.auth == Auth::Open && !config.auth_is_chosen {
            return Err(Trouble::Exposed);
        }
        complain(&warning);
    }
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(Trouble::start("the API"))?;
    // From here on the process ends on its own terms, and leaves nothing temporary behind.
    let (first, second) = (Signals::listen(&runtime)?, Signals::listen(&runtime)?);
    let (events, arriving) = mpsc::unbounded_channel();
    let (api, engines) = Engines::start(listeners, options.data.as_deref(), events)?;
    engines.tell(&mut config);
    let served = runtime.block_on(serve((api, arriving), &engines, options.create, &config, issuer, first, second));
    runtime.shutdown_timeout(GRACE);
    served
}

async fn serve(
    (api, arriving): (TcpListener, UnboundedReceiver<Value>),
    engines: &Engines,
    create: bool,
    config: &Config,
    issuer: Option<Issuer>,
    mut first: Signals,
    mut second: Signals,
) -> Result<(), Trouble> {
    let mut app = tokio::select! {
        prepared = prepare(engines, create, config) => prepared?,
        () = first.next() => return Ok(()),
    };
    let feed = Feed::default();
    app.feed = engines.dynamodb.is_some().then(|| feed.clone());
    let address = api.local_addr().map_err(Trouble::start("the API"))?;
    let api = tokio::net::TcpListener::from_std(api).map_err(Trouble::start("the API"))?;
    say(places(listen::url(address), &app, engines, config, issuer.as_ref()));
    let told = async {
        first.next().await;
        say("\nEnding: requests in flight may finish. Ctrl-C again does not wait for them.\n");
        // Listeners would stay for ever.
        feed.close();
    };
    let s3 = config.avatars.public_endpoint.as_deref().or(config.s3_endpoint.as_deref());
    let router = pages::beside(doors::router(app.clone()), &app, s3);
    let router = match &issuer {
        Some(issuer) => issuer.beside(router),
        None => router,
    };
    let serving = connections::serve(api, guard::api(address, router), told, GRACE);
    let serving = beside(serving, warn(engines, create, config));
    tokio::select! {
        () = serving => {}
        () = uploads::process(app, engines.s3.is_some(), arriving) => {}
        () = follow(engines, config, feed.clone()) => {}
        () = async { second.next().await; second.next().await } => {}
    }
    Ok(())
}

/// Tells `feed` of changes in the embedded table, for ever.
async fn follow(engines: &Engines, config: &Config, feed: Feed) {
    let Some(engine) = &engines.dynamodb else { return std::future::pending().await };
    let bus = Bus { source: config.events.source.clone(), target: Target::Feed(feed) };
    changes::follow(engine.stream(&config.table), bus).await;
}

/// Does `work`, and `more` until then.
async fn beside(work: impl Future<Output = ()>, more: impl Future<Output = ()>) {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        () = &mut work => {}
        () = more => work.await,
    }
}

/// Complains if what the server is to use elsewhere, and did not create, is not there.
async fn warn(engines: &Engines, create: bool, config: &Config) {
    let (table, bucket) = (!create && engines.dynamodb.is_none(), !create && engines.s3.is_none());
    if let Some(line) = awaited::missing(config, table, bucket).await {
        complain(line);
    }
}

/// Builds the application, and table and bucket where they are ours to create.
async fn prepare(engines: &Engines, create: bool, config: &Config) -> Result<App, Trouble> {
    let app = App::new(config).await?;
    if create || engines.dynamodb.is_some() {
        let what = format!("table {}", config.table);
        let step = Step::begin(format_args!("Creating {what} if it is missing"));
        app.store.create_table().await.map_err(|error| trouble(what, config.dynamodb_endpoint.as_deref(), &error))?;
        step.done();
    }
    if create || engines.s3.is_some() {
        let what = format!("bucket {}", config.bucket);
        let step = Step::begin(format_args!("Creating {what} if it is missing"));
        app.avatars.create_bucket().await.map_err(|error| trouble(what, config.s3_endpoint.as_deref(), &error))?;
        step.done();
    }
    Ok(app)
}

fn trouble(what: String, endpoint: Option<&str>, error: &(dyn Error + 'static)) -> Trouble {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let reason = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Trouble::Create { what, endpoint: awaited::shown(endpoint.unwrap_or("AWS")), reason }
}

fn is_own_issuer(config: &Config) -> bool {
    config.auth == Auth::Jwt && config.tokens.is_none()
}

fn places(api: String, app: &App, engines: &Engines, config: &Config, issuer: Option<&Issuer>) -> Places {
    let mut mark = [0; 2];
    app.ids.fill(&mut mark);
    let place = |endpoint: &Option<String>, holds: String, kept: Option<String>| Place {
        url: awaited::shown(endpoint.as_deref().unwrap_or_default()),
        holds,
        kept: kept.unwrap_or_else(|| "not embedded".to_owned()),
    };
    Places {
        api,
        is_open: config.auth == Auth::Open,
        dynamodb: place(&config.dynamodb_endpoint, format!("table {}", config.table), engines.dynamodb_kept()),
        s3: place(&config.s3_endpoint, format!("bucket {}", config.bucket), engines.s3_kept()),
        embedded: engines.dynamodb.is_some() || engines.s3.is_some(),
        mark: u16::from_be_bytes(mark),
        auth: match (config.auth, issuer) {
            (Auth::Open, _) => None,
            (_, Some(issuer)) => Some(format!("{}, keys in {}", Issuer::NAME, issuer.folder().display())),
            (_, None) => config.tokens.as_ref().map(|tokens| tokens.demands.issuer.clone()),
        },
        token: issuer.map(Issuer::token_command),
    }
}
