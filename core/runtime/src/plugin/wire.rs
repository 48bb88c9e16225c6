//! Frames between the parent and a plugin's process: a length, JSON, and at most one file descriptor beside it.

use super::restrict::{Fence, Held};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// No frame is longer: a result document of the allowed size, escaped, fits.
const MAX_FRAME: usize = 32 << 20;

/// What the parent says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Down {
    /// First frame, with the library's open file beside it: load it under these limits.
    Load {
        library: PathBuf,
        memory_bytes: u64,
        cpu_seconds: u64,
        fence: Fence,
    },
    /// Compute a metric.
    Compute {
        component: String,
        params: String,
        period: String,
        context: String,
        inputs: Vec<String>,
    },
    /// The batches asked for by [`Up::Next`], with their file unless the rows have ended or failed.
    Rows { failed: Option<String> },
    /// Open a source.
    Open {
        component: String,
        options: String,
        secrets: std::collections::BTreeMap<String, String>,
    },
    /// Prove that the opened source can be reached.
    Check,
    /// Its tables.
    Tables,
    /// Scan it.
    Scan { request: String },
    /// The file of [`Up::Rows`] or [`Up::TableRows`] is taken; send the next.
    Taken,
    /// What was [`Up::Asked`] for.
    Served(Served),
    /// What a metric has with some params.
    Describe { component: String, params: String },
    /// Close the source.
    Close,
    /// Stop the running call soon.
    Cancel,
}

/// What the plugin's process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Up {
    /// The library is good.
    Loaded {
        descriptor: String,
        build: String,
        held: Held,
    },
    /// It is not.
    Refused { why: String },
    /// A log line.
    Log { level: i32, message: String },
    /// How far.
    Progress { done: f64, total: f64, note: String },
    /// The next batches of that input, please.
    Next { input: usize },
    /// A file of scanned batches.
    Rows,
    /// A file of batches of that table of an answer.
    TableRows { table: String },
    /// A running call wants something of the host.
    Asked(Asked),
    /// The whole answer of the call.
    Answer { json: String },
    /// The call's error.
    Failed {
        code: i32,
        message: String,
        retryable: bool,
        retry_after_ms: i64,
    },
    /// The call answered, and something of it still runs.
    Left { what: String },
    /// The call answered with something that cannot be handed on.
    Unfit { why: String },
}

/// What a source may ask for while one of its calls runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(super) enum Asked {
    /// The value of a key.
    State { key: String },
    /// Another value for a key.
    Swap {
        key: String,
        was: Option<String>,
        now: String,
        with_rows: bool,
    },
    /// Another secret in the place of one.
    Replace {
        name: String,
        was: String,
        now: String,
    },
}

/// The answer: a value, or a status and a sentence.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Served {
    pub(super) status: i32,
    pub(super) text: String,
}

/// Sends one frame, with a file descriptor beside its first byte if there is one. Fails with [`ErrorKind::TimedOut`] if the other end
/// does not take it for so long; then nothing more can be sent.
pub(super) fn send(
    socket: &UnixStream,
    frame: &impl Serialize,
    fd: Option<BorrowedFd<'_>>,
    patience: Option<Duration>,
) -> Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = bytes.len() - 4;
    if length > MAX_FRAME {
        return Err(Error::new(
            ErrorKind::InvalidData,
            format!("a frame of {length} bytes is too long"),
        ));
    }
    let header = u32::try_from(length).map_err(Error::other)?.to_le_bytes();
    bytes[..4].copy_from_slice(&header);
    socket.set_write_timeout(patience)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let sent = loop {
        match sendmsg(
            socket.as_fd(),
            &[IoSlice::new(&bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Err(Error::from(ErrorKind::TimedOut)),
            other => break other?,
        }
    };
    let mut socket = socket;
    let rest = socket.write_all(bytes.get(sent..).unwrap_or_default());
    rest.map_err(|e| match e.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => e,
    })
}

/// How long the rest of a frame may take once its first byte is there.
const REST: Duration = Duration::from_secs(5);

/// Receives one frame; `None` when the other end is closed. Fails with [`ErrorKind::TimedOut`] if none has begun at the
/// deadline, so that the next call finds the beginning of a frame.
pub(super) fn receive<T: DeserializeOwned>(
    socket: &UnixStream,
    deadline: Option<Instant>,
) -> Result<Option<(T, Option<OwnedFd>)>> {
    let mut fd = None;
    let mut header = [0; 4];
    let (first, rest) = header.split_at_mut(1);
    if !fill(socket, first, &mut fd, deadline)? {
        return Ok(None);
    }
    let cut = |e: Error| {
        if e.kind() == ErrorKind::TimedOut {
            ErrorKind::InvalidData.into()
        } else {
            e
        }
    };
    let deadline = deadline.map(|deadline| deadline.max(Instant::now()) + REST);
    whole(fill(socket, rest, &mut fd, deadline).map_err(cut)?)?;
    let length = usize::try_from(u32::from_le_bytes(header)).map_err(Error::other)?;
    if length > MAX_FRAME {
        return Err(Error::new(
            ErrorKind::InvalidData,
            format!("a frame of {length} bytes is too long"),
        ));
    }
    let mut body = vec![0; length];
    whole(fill(socket, &mut body, &mut fd, deadline).map_err(cut)?)?;
    Ok(Some((serde_json::from_slice(&body)?, fd)))
}

fn whole(read: bool) -> Result<()> {
    if read {
        Ok(())
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

/// Reads exactly the buffer; `false` if the other end closed before its first byte.
fn fill(
    socket: &UnixStream,
    buffer: &mut [u8],
    fd: &mut Option<OwnedFd>,
    deadline: Option<Instant>,
) -> Result<bool> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let left = deadline.map(|deadline| {
            deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1))
        });
        socket.set_read_timeout(left)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = match recvmsg(
            socket.as_fd(),
            &mut [IoSliceMut::new(rest)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Ok(message) => message.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::AGAIN)
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) =>
            {
                return Err(Error::from(ErrorKind::TimedOut));
            }
            Err(rustix::io::Errno::AGAIN) => continue,
            // A killed process may leave bytes of ours unread, which resets instead of closing.
            Err(rustix::io::Errno::CONNRESET) => 0,
            Err(other) => return Err(other.into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                *fd = fds.last().or(fd.take());
            }
        }
        match got {
            0 if read == 0 => return Ok(false),
            0 => return Err(Error::from(ErrorKind::UnexpectedEof)),
            n => read += n,
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn frames_and_descriptors_arrive_in_order() {
        let (a, b) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"rows").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        send(&a, &Up::Next { input: 7 }, None, None).unwrap();
        send(&a, &Up::Rows, Some(file.as_fd()), None).unwrap();
        send(
            &a,
            &Up::Answer {
                json: "x".repeat(100_000),
            },
            None,
            None,
        )
        .unwrap();
        drop(a);
        let (first, none) = receive::<Up>(&b, None).unwrap().unwrap();
        assert!(matches!(first, Up::Next { input: 7 }) && none.is_none());
        let (second, fd) = receive::<Up>(&b, None).unwrap().unwrap();
        assert!(matches!(second, Up::Rows));
        let mut text = String::new();
        std::fs::File::from(fd.unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "rows");
        let (third, _) = receive::<Up>(&b, None).unwrap().unwrap();
        assert!(matches!(third, Up::Answer { json } if json.len() == 100_000));
        assert!(receive::<Up>(&b, None).unwrap().is_none());
    }

    #[test]
    fn a_silent_peer_is_a_timeout_and_a_cut_frame_an_error() {
        let (a, b) = UnixStream::pair().unwrap();
        let silent = receive::<Up>(&b, Some(Instant::now())).unwrap_err();
        assert_eq!(silent.kind(), ErrorKind::TimedOut);
        (&a).write_all(&[9, 0, 0, 0, b'{']).unwrap();
        drop(a);
        assert_eq!(
            receive::<Up>(&b, None).unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn a_peer_that_does_not_read_is_not_waited_for() {
        let (a, _b) = UnixStream::pair().unwrap();
        let frame = Up::Answer {
            json: "x".repeat(8 << 20),
        };
        let stuck = send(&a, &frame, None, Some(Duration::from_millis(20))).unwrap_err();
        assert_eq!(stuck.kind(), ErrorKind::TimedOut);
    }
}
