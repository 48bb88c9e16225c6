//! A mail server that takes everything as fast as one thread a connection can, and remembers what came when.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The server; its threads end with the process.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// A message that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Recipient of the envelope.
    pub to: String,
    /// Message-ID.
    pub id: String,
    /// Bytes.
    pub size: usize,
    /// When all of it was there.
    pub at: Instant,
}

impl Sink {
    /// Starts one.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let taken = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                // A client that goes away ends its own conversation.
                std::thread::spawn(move || drop(talk(&stream, &all)));
            }
        });
        Ok(Self { address, taken })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many messages were taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// All messages that were taken, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn talk(stream: &TcpStream, all: &Mutex<Vec<Taken>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream;
    let mut lines = BufReader::with_capacity(1 << 16, stream);
    let mut to = String::new();
    out.write_all(b"220 sink\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb: String = line
            .chars()
            .take(4)
            .collect::<String>()
            .to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "RCPT" => {
                let inner = line
                    .split_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'));
                inner.map_or("", |(address, _)| address).clone_into(&mut to);
                b"250 ok\r\n"
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let (id, size) = message(&mut lines)?;
                let one = Taken {
                    to: to.clone(),
                    id,
                    size,
                    at: Instant::now(),
                };
                all.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                b"250 taken\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        out.write_all(answer)?;
    }
}

/// Reads a message to its lone dot: Message-ID and size.
fn message(lines: &mut impl BufRead) -> std::io::Result<(String, usize)> {
    let (mut id, mut size) = (String::new(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)?;
        if read == 0 || line == b".\r\n" {
            return Ok((id, size));
        }
        size += read;
        if id.is_empty() && line.to_ascii_lowercase().starts_with(b"message-id:") {
            let text = String::from_utf8_lossy(&line);
            let inner = text
                .split_once('<')
                .and_then(|(_, rest)| rest.split_once('>'));
            inner.map_or("", |(id, _)| id).clone_into(&mut id);
        }
    }
}
