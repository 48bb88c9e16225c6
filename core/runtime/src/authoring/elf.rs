//! What a library exports, read from its file: nothing of it runs.

/// Names of the defined dynamic symbols of a little-endian ELF file of 64 bits.
#[must_use]
pub fn exports(file: &[u8]) -> Option<Vec<String>> {
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = whole(file, 0x28, 8)?;
    let (size, count) = (whole(file, 0x3a, 2)?, whole(file, 0x3c, 2)?);
    let section = |index: usize| table.checked_add(index.checked_mul(size)?);
    // SHT_DYNSYM is 11.
    let symbols = (0..count)
        .filter_map(section)
        .find(|at| whole(file, at + 4, 4) == Some(11))?;
    let (start, length) = (
        whole(file, symbols + 0x18, 8)?,
        whole(file, symbols + 0x20, 8)?,
    );
    let texts = section(whole(file, symbols + 0x28, 4)?)?;
    let texts = whole(file, texts + 0x18, 8)?;
    let mut names = Vec::new();
    for at in (start..start.checked_add(length)?).step_by(24).skip(1) {
        let binding = whole(file, at + 4, 1)? >> 4;
        let hidden = whole(file, at + 5, 1)? & 3 != 0;
        let defined = whole(file, at + 6, 2)? != 0;
        if defined && !hidden && (binding == 1 || binding == 2) {
            let name = file.get(texts.checked_add(whole(file, at, 4)?)?..)?;
            let end = name.iter().position(|byte| *byte == 0)?;
            names.push(String::from_utf8_lossy(name.get(..end)?).into_owned());
        }
    }
    // What the linker itself defines is nobody's choice.
    names.retain(|name| {
        !["_init", "_fini", "__bss_start", "_edata", "_end"].contains(&name.as_str())
    });
    names.sort();
    Some(names)
}

/// A little-endian number of so many bytes.
fn whole(file: &[u8], at: usize, bytes: usize) -> Option<usize> {
    let mut number = 0_u64;
    for (place, byte) in file.get(at..at.checked_add(bytes)?)?.iter().enumerate() {
        number |= u64::from(*byte) << (8 * place);
    }
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library_has_no_exports() {
        assert_eq!(exports(b"#!/bin/sh\n"), None);
        assert_eq!(exports(b"\x7fELF\x02\x01"), None);
    }
}
