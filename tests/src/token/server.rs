//! The example API on loopback: refresh tokens that work once, bearer tokens that run out, 429, changes behind a cursor; and a
//! process that it kills at a chosen request.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dies {
    /// The request arrived and was not looked at.
    Before,
    /// The server did what was asked, and its answer is lost.
    Unanswered,
}

/// One change of an order: what its line says from then on.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Order.
    pub order: u32,
    /// Day of ordering in November 2026; it never changes.
    pub day: u32,
    /// Amount from now on, in fen.
    pub fen: u64,
}

/// What the server knows and has seen.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Every change, oldest first.
    pub changes: Vec<Change>,
    /// Uses of each refresh token.
    pub uses: BTreeMap<String, u32>,
    /// Requests since the last start of a process.
    pub requests: usize,
    /// The request at which the process dies, and how.
    pub death: Option<(usize, Dies)>,
    /// The process to kill.
    pub process: Option<u32>,
    /// What 429 advises, in seconds; every fourth page is refused once.
    pub retry_after: u64,
    refresh: u32,
    access: u32,
    /// Pages that the bearer token is still good for.
    left: u32,
    refused: bool,
}

/// The server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    world: Arc<Mutex<World>>,
    /// Its address.
    pub url: String,
}

impl Server {
    /// Starts it; it ends with the test's process.
    #[must_use]
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            world: Arc::default(),
            url,
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.answer(&stream);
            }
        });
        server
    }

    /// What it knows.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A refresh token that nobody has used, as after a person's consent.
    #[must_use]
    pub(super) fn authorise(&self) -> String {
        let mut world = self.world();
        world.refresh += 1;
        json!({ "refresh": format!("refresh-{:012}", world.refresh) }).to_string()
    }

    fn answer(&self, mut stream: &TcpStream) {
        let Some((line, bearer, body)) = request(stream) else {
            return;
        };
        let dies = {
            let mut world = self.world();
            world.requests += 1;
            let now = world.requests;
            world.death.filter(|(at, _)| *at == now).map(|(_, how)| how)
        };
        if dies == Some(Dies::Before) {
            return self.kill();
        }
        let (status, extra, answer) = self.world().reply(&line, &bearer, &body);
        if dies == Some(Dies::Unanswered) {
            return self.kill();
        }
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{extra}content-length: {}\r\n\r\n",
            text.len()
        );
        // A client that has died is no trouble of the server's.
        drop(stream.write_all(format!("{head}{text}").as_bytes()));
    }

    fn kill(&self) {
        let process = loop {
            if let Some(process) = self.world().process {
                break process;
            }
            std::thread::yield_now();
        };
        let killed = std::process::Command::new("kill")
            .args(["-KILL", &process.to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }
}

/// Request line, bearer token and body.
fn request(stream: &TcpStream) -> Option<(String, String, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut bearer, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "authorization" => bearer = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line, bearer, String::from_utf8_lossy(&body).into_owned()))
}

type Reply = (&'static str, String, Value);

impl World {
    fn reply(&mut self, line: &str, bearer: &str, body: &str) -> Reply {
        if line.starts_with("POST /token ") {
            self.token(body)
        } else {
            self.page(line, bearer)
        }
    }

    fn token(&mut self, body: &str) -> Reply {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let token = body["refresh_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let uses = self.uses.entry(token.clone()).or_default();
        *uses += 1;
        if *uses > 1 || token != format!("refresh-{:012}", self.refresh) {
            return (
                "400 Bad Request",
                String::new(),
                json!({"error": "invalid_grant"}),
            );
        }
        self.refresh += 1;
        self.access += 1;
        self.left = 5;
        let (refresh, access) = (self.refresh, self.access);
        let tokens = json!({
            "refresh_token": format!("refresh-{refresh:012}"),
            "access_token": format!("access-{access:012}"),
        });
        ("200 OK", String::new(), tokens)
    }

    fn page(&mut self, line: &str, bearer: &str) -> Reply {
        if self.left == 0 || bearer != format!("Bearer access-{:012}", self.access) {
            return (
                "401 Unauthorized",
                String::new(),
                json!({"error": "expired"}),
            );
        }
        let query = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}="))?;
            rest.split(['&', ' ']).next()?.parse::<usize>().ok()
        };
        let (from, limit) = (query("after").unwrap_or(0), query("limit").unwrap_or(1));
        if from % 4 == 3 && !std::mem::replace(&mut self.refused, true) {
            let advice = format!("retry-after: {}\r\n", self.retry_after);
            return (
                "429 Too Many Requests",
                advice,
                json!({"error": "slow down"}),
            );
        }
        self.refused = false;
        self.left -= 1;
        let end = (from + limit).min(self.changes.len());
        let orders: Vec<Value> = self.changes[from.min(end)..end]
            .iter()
            .map(Change::json)
            .collect();
        let page = json!({
            "orders": orders, "cursor": end.to_string(), "more": end < self.changes.len(),
            "as_of": "2026-11-22T07:00:00+08:00", "complete_until": "2026-11-21",
        });
        ("200 OK", String::new(), page)
    }
}

impl Change {
    fn json(&self) -> Value {
        let at = format!("2026-11-{:02} 10:00:00", self.day);
        json!({
            "order_id": self.order.to_string(), "line_id": format!("{}-1", self.order), "ordered_at": at, "paid_at": at,
            "pay_amount": format!("{}.{:02}", self.fen / 100, self.fen % 100), "qty": "1", "status": "已完成",
        })
    }
}
