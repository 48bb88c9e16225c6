//! The preview: a page on this machine that shows a report as mail, pages and text, and follows its template while it is written.
//!
//! Nothing is sent, and nothing is written into ledger or archive. `page.html` asks for `/choices` and `/view`, and waits at
//! `/changed` until a file was saved.

mod guest;
mod show;
mod watch;

pub use guest::{Guest, Seat};

use self::show::{Shown, Wish};
use crate::project::Project;
use crate::serve::Reopen;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chenbao_model::Diagnostic;
use chenbao_model::diagnostic::Problems;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;

/// A browser that waits for a change is answered after so long, and asks again.
const PATIENCE: Duration = Duration::from_secs(25);
/// Scripts come from this server only, pictures stand in the answers, and nothing is fetched from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-src 'self' data:; base-uri 'none'; form-action 'none'";

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// A preview that has its port.
#[derive(Debug)]
pub struct Preview {
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

/// What the page is made from.
struct Desk {
    /// The project as it was when it could last be opened.
    project: RwLock<Arc<Project>>,
    reopen: Reopen,
    /// What is wrong with the configuration since then.
    broken: Mutex<Option<Problems>>,
    /// Counts what was saved.
    version: channel::Sender<u64>,
    /// The past run that was shown last: computing it again takes a while.
    last: tokio::sync::Mutex<Option<Shown>>,
    /// A metric that is being written, if there is one.
    guest: Mutex<Option<Guest>>,
    port: u16,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.port)
    }
}

impl Desk {
    fn project(&self) -> Arc<Project> {
        Arc::clone(&self.project.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes a port of this machine, any free one for 0. `reopen` is asked when the configuration was saved.
///
/// # Errors
/// The port is taken.
pub async fn open(project: Project, reopen: Reopen, port: u16) -> Result<Preview, Diagnostic> {
    let fail = |why: std::io::Error| {
        Diagnostic::error(format!("the preview cannot open at port {port}: {why}"))
            .hint("another process may have it: choose another --port, or none")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let desk = Desk {
        project: RwLock::new(Arc::new(project)),
        reopen,
        broken: Mutex::new(None),
        version: channel::Sender::new(1),
        last: tokio::sync::Mutex::default(),
        guest: Mutex::default(),
        port: address.port(),
    };
    Ok(Preview {
        listener,
        address,
        desk: Arc::new(desk),
    })
}

impl Preview {
    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a metric that is being written can be put.
    #[must_use]
    pub fn seat(&self) -> Seat {
        Seat::of(Arc::clone(&self.desk))
    }

    /// Answers until it is dropped.
    ///
    /// # Errors
    /// The machine takes the port away.
    pub async fn run(self) -> Result<(), Diagnostic> {
        let watching = tokio::spawn(watch::watch(Arc::clone(&self.desk)));
        let file = |kind: &'static str, text: &'static str| {
            get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
        };
        let pages = Router::new()
            .route("/", file("text/html; charset=utf-8", PAGE))
            .route("/page.js", file("text/javascript; charset=utf-8", SCRIPT))
            .route("/page.css", file("text/css; charset=utf-8", STYLE))
            .route("/choices", get(choices))
            .route(
                "/view/{report}/{audience}/{lang}/{edition}/{data}",
                get(view),
            )
            .route("/changed/{version}", get(changed))
            .layer(from_fn_with_state(Arc::clone(&self.desk), guard))
            .with_state(self.desk);
        let ended = axum::serve(self.listener, pages).await;
        watching.abort();
        ended.map_err(|why| Diagnostic::error(format!("the preview has ended: {why}")))
    }
}

/// Only a browser on this machine that means this page is answered: another site that has its name lead here is not.
async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", desk.port));
    if !own.iter().any(|name| name == host) {
        let why = "this page is for browsers on this machine: open it under 127.0.0.1\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    let mut answer = next.run(request).await;
    let head = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        head.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn answer(value: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json")];
    (head, value.to_string()).into_response()
}

/// Reports, audiences, samples and past runs that can be shown.
async fn choices(State(desk): State<Arc<Desk>>) -> Response {
    let project = desk.project();
    let version = *desk.version.borrow();
    answer(&match show::choices(&project).await {
        Ok(mut choices) => {
            choices["version"] = version.into();
            choices
        }
        Err(problems) => json!({"version": version, "problems": problems.0}),
    })
}

/// One view; or everything that is wrong with it.
async fn view(
    State(desk): State<Arc<Desk>>,
    Path((report, audience, lang, edition, data)): Path<(String, String, String, String, String)>,
) -> Response {
    let project = desk.project();
    let version = *desk.version.borrow();
    let broken = desk
        .broken
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let wish = Wish {
        report: &report,
        audience: &audience,
        lang: &lang,
        edition: &edition,
        data: &data,
    };
    let guest = guest::seated(&desk);
    let shown = match broken {
        Some(problems) => Err(problems),
        None => show::show(&project, &wish, guest.as_ref(), &desk.last).await,
    };
    answer(&match shown {
        Ok(mut shown) => {
            shown["version"] = version.into();
            shown
        }
        Err(problems) => json!({"version": version, "problems": problems.0}),
    })
}

/// Waits until something newer than what the page has was saved, or for a while.
async fn changed(State(desk): State<Arc<Desk>>, Path(seen): Path<u64>) -> Response {
    let mut version = desk.version.subscribe();
    let newer = version.wait_for(|version| *version != seen);
    // After the while, or when the preview ends, the page asks again.
    drop(tokio::time::timeout(PATIENCE, newer).await);
    let version = *desk.version.borrow();
    answer(&json!({"version": version}))
}
