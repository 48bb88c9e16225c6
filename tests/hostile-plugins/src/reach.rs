//! What a plugin reaches for that is not its own: files, servers, the process that started it.

use super::rows;
use chenbao_plugin::{Report, Result, bad_data};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::parent_id;

/// A file, whole, into a sentence that everybody reads.
pub(crate) fn read(path: &str) -> Result<Report> {
    let text = std::fs::read_to_string(path)?;
    Err(bad_data(format!("it says: {text}")))
}

/// Says hello to a server.
pub(crate) fn connect(address: &str) -> Result<Report> {
    std::net::TcpStream::connect(address)?;
    Ok(rows(1))
}

/// Counts the bytes that it gets of what the parent process knows, and of a file with secrets.
pub(crate) fn theft(file: &str) -> Result<Report> {
    let parent = format!("/proc/{}", parent_id());
    let mut loot = 0;
    for path in [
        file.to_owned(),
        format!("{parent}/environ"),
        format!("{parent}/cmdline"),
        format!("{parent}/root{file}"),
        format!("{parent}/cwd/../../../..{file}"),
    ] {
        loot += std::fs::read(path).map_or(0, |bytes| bytes.len());
    }
    loot += memory(&parent).unwrap_or(0);
    let open = std::fs::read_dir(format!("{parent}/fd"));
    loot += open.map_or(0, |files| files.count());
    Ok(rows(loot))
}

/// Bytes of the parent's stack.
fn memory(parent: &str) -> std::io::Result<usize> {
    let maps = std::fs::read_to_string(format!("{parent}/maps"))?;
    let stack = maps.lines().find(|line| line.ends_with("[stack]"));
    let start = stack.and_then(|line| line.split('-').next());
    let start = start.and_then(|start| u64::from_str_radix(start, 16).ok());
    let mut file = std::fs::File::open(format!("{parent}/mem"))?;
    file.seek(SeekFrom::Start(start.unwrap_or(0)))?;
    file.read(&mut [0; 64])
}

/// Takes the parent over as a debugger would.
#[expect(unsafe_code, reason = "that is the misbehaviour")]
pub(crate) fn look_into_parent() -> Result<Report> {
    const ATTACH: i64 = 16;
    // SAFETY: of the C library, declared as its manual page says.
    unsafe extern "C" {
        fn ptrace(request: i64, pid: u32, address: usize, data: usize) -> i64;
    }
    // SAFETY: without pointers; if it works, the parent stops.
    let answer = unsafe { ptrace(ATTACH, parent_id(), 0, 0) };
    Ok(rows(answer))
}

/// Ends whoever started it.
#[expect(unsafe_code, reason = "that is the misbehaviour")]
pub(crate) fn end_parent() -> Result<Report> {
    const KILL: i32 = 9;
    // SAFETY: of the C library, declared as its manual page says.
    unsafe extern "C" {
        fn kill(pid: u32, signal: i32) -> i32;
    }
    // SAFETY: without pointers.
    match unsafe { kill(parent_id(), KILL) } {
        0 => Ok(rows(1)),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// What it may do: write into the folder that it runs in, and read zone data.
pub(crate) fn own_files() -> Result<Report> {
    let here = std::env::temp_dir().join("between.txt");
    std::fs::write(&here, "1234567")?;
    std::fs::write("beside.txt", "1234567")?;
    let zones = std::path::Path::new("/usr/share/zoneinfo");
    if zones.is_dir() && std::fs::read_dir(zones)?.next().is_none() {
        return Err(bad_data("there are no zones"));
    }
    Ok(rows(std::fs::read(&here)?.len()))
}
