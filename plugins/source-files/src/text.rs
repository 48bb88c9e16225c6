//! CSV text: which encoding a file has, and a decoder that never replaces a byte and never holds more than a window.

use crate::lines::Checked;
use crate::options::Encoding;
use encoding_rs::{Decoder, DecoderResult, GB18030, UTF_8};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const WINDOW: usize = 64 * 1024;
/// No row of an export is this long; a row that is has swallowed the file after a quote.
const LONGEST_ROW: usize = 32 * 1024 * 1024;
/// Stands after the text as a line of its own: if the parser does not hand it back alone, the text ended inside a quote.
pub(crate) const END: &str = "\u{1}end of file\u{1}";
/// That many Chinese characters in UTF-8 do not happen by chance in GB18030.
const CERTAIN: usize = 3;

/// Looks at every byte once and says, at the end, what the text is.
#[derive(Debug, Default)]
pub(crate) struct Sniffer {
    carry: Vec<u8>,
    seen: u64,
    wide: usize,
    bom: bool,
    nul: Option<u64>,
    fault: Option<u64>,
}

impl Sniffer {
    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.seen == 0 {
            self.bom = bytes.starts_with(b"\xef\xbb\xbf");
        }
        if self.nul.is_none() {
            self.nul = bytes
                .iter()
                .position(|byte| *byte == 0)
                .map(|at| self.seen + at as u64);
        }
        if self.fault.is_none() {
            self.check(bytes);
        }
        self.seen += bytes.len() as u64;
    }

    fn check(&mut self, bytes: &[u8]) {
        let start = self.seen - self.carry.len() as u64;
        let mut joined = std::mem::take(&mut self.carry);
        joined.extend_from_slice(bytes);
        let (valid, rest) = match std::str::from_utf8(&joined) {
            Ok(_) => (joined.len(), &[][..]),
            Err(error) => {
                let (_, rest) = joined.split_at(error.valid_up_to());
                if error.error_len().is_some() {
                    self.fault = Some(start + error.valid_up_to() as u64);
                }
                (error.valid_up_to(), rest)
            }
        };
        if self.wide < CERTAIN {
            self.wide += joined
                .iter()
                .take(valid)
                .filter(|byte| **byte >= 0xe3)
                .count();
        }
        if self.fault.is_none() {
            self.carry = rest.to_vec();
        }
    }

    /// The encoding, or why the bytes are not text of the encoding wanted.
    pub(crate) fn finish(self, wanted: Encoding) -> Checked<Encoding> {
        if let Some(at) = self.nul {
            return Err(format!(
                "byte {at} is NUL: the file was copied only in part, or it is not CSV text"
            ));
        }
        let cut = (!self.carry.is_empty()).then(|| self.seen - self.carry.len() as u64);
        let chinese = self.bom || self.wide >= CERTAIN;
        match (wanted, self.fault, cut) {
            (Encoding::Gb18030, ..) => Ok(Encoding::Gb18030),
            (_, None, None) => Ok(Encoding::Utf8),
            (_, None, Some(at)) if chinese || wanted == Encoding::Utf8 => Err(format!(
                "it ends in the middle of a character (byte {at}): the file is cut off"
            )),
            (_, Some(at), _) if chinese || wanted == Encoding::Utf8 => Err(format!(
                "byte {at} is not UTF-8: the file is damaged or has another encoding (option `encoding`)"
            )),
            _ => Ok(Encoding::Gb18030),
        }
    }
}

/// Decoded text of a file, with the end mark after it.
pub(crate) struct Text {
    file: File,
    name: &'static str,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    read: u64,
    text: Vec<u8>,
    at: usize,
    end: usize,
    last: bool,
    since_row: usize,
}

impl Text {
    pub(crate) fn open(path: &Path, encoding: Encoding) -> io::Result<Self> {
        let (name, decoder) = match encoding {
            Encoding::Gb18030 => ("GB18030", GB18030.new_decoder_without_bom_handling()),
            Encoding::Auto | Encoding::Utf8 => ("UTF-8", UTF_8.new_decoder_with_bom_removal()),
        };
        let room = decoder
            .max_utf8_buffer_length_without_replacement(WINDOW)
            .unwrap_or(4 * WINDOW);
        let file = File::open(path)?;
        let (raw, text) = (vec![0; WINDOW], vec![0; room.max(4 * WINDOW)]);
        Ok(Self {
            file,
            name,
            decoder,
            raw,
            raw_at: 0,
            raw_end: 0,
            read: 0,
            text,
            at: 0,
            end: 0,
            last: false,
            since_row: 0,
        })
    }

    /// The parser has handed out a row.
    pub(crate) fn row_ended(&mut self) {
        self.since_row = 0;
    }

    /// Leaves out so many lines.
    pub(crate) fn skip_lines(&mut self, mut lines: u32) -> io::Result<()> {
        while lines > 0 {
            let text = self.ahead()?;
            let (length, end) = (text.len(), text.iter().position(|byte| *byte == b'\n'));
            self.at += end.map_or(length, |end| end + 1);
            if end.is_some() {
                lines -= 1;
            } else if length == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Decoded bytes that are not yet handed out; none at the end.
    pub(crate) fn ahead(&mut self) -> io::Result<&[u8]> {
        while self.at == self.end && !self.last {
            self.decode()?;
        }
        Ok(self.text.get(self.at..self.end).unwrap_or_default())
    }

    fn decode(&mut self) -> io::Result<()> {
        if self.raw_at == self.raw_end {
            self.raw_end = self.file.read(&mut self.raw)?;
            self.raw_at = 0;
            self.read += self.raw_end as u64;
            self.last = self.raw_end == 0;
        }
        let source = self.raw.get(self.raw_at..self.raw_end).unwrap_or_default();
        let (result, taken, made) =
            self.decoder
                .decode_to_utf8_without_replacement(source, &mut self.text, self.last);
        self.raw_at += taken;
        self.at = 0;
        self.end = made;
        if let DecoderResult::Malformed(bad, beyond) = result {
            let left = (self.raw_end - self.raw_at) as u64;
            let at = self.read - left - u64::from(bad) - u64::from(beyond);
            return Err(io::Error::other(format!(
                "byte {at} is not {}: the file is cut off or has another encoding (option `encoding`)",
                self.name
            )));
        }
        if self.last {
            let mark = format!("\n{END}\n");
            let room = self
                .text
                .get_mut(made..made + mark.len())
                .ok_or_else(|| io::Error::other("no room for the end mark"))?;
            room.copy_from_slice(mark.as_bytes());
            self.end += mark.len();
        }
        Ok(())
    }
}

impl Read for Text {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ahead = self.ahead()?;
        let length = ahead.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..length), ahead.get(..length)) {
            to.copy_from_slice(from);
        }
        self.at += length;
        self.since_row += length;
        if self.since_row > LONGEST_ROW {
            return Err(io::Error::other(
                "no row ends within 32 MiB: a quote is opened and never closed",
            ));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniff(bytes: &[u8], wanted: Encoding) -> Checked<Encoding> {
        [1, 2, 3, 7, 1000]
            .map(|step| {
                let mut sniffer = Sniffer::default();
                bytes.chunks(step).for_each(|chunk| sniffer.feed(chunk));
                sniffer.finish(wanted)
            })
            .into_iter()
            .reduce(|one, other| {
                assert_eq!(one, other, "the step changes the answer");
                one
            })
            .unwrap()
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "主订单编号,商品数量\n1,£2\n";
        let (gbk, ..) = GB18030.encode(text);
        assert_eq!(sniff(text.as_bytes(), Encoding::Auto), Ok(Encoding::Utf8));
        assert_eq!(sniff(&gbk, Encoding::Auto), Ok(Encoding::Gb18030));
        assert_eq!(sniff(b"a,b\n1,2\n", Encoding::Auto), Ok(Encoding::Utf8));
        assert_eq!(sniff(&gbk, Encoding::Utf8), Err("byte 0 is not UTF-8: the file is damaged or has another encoding (option `encoding`)".into()));
    }

    #[test]
    fn damaged_utf8_is_not_read_as_chinese_noise() {
        let mut bytes = "主订单编号,商品\n".as_bytes().to_vec();
        bytes.extend_from_slice(b"1,\xff\n");
        assert!(
            sniff(&bytes, Encoding::Auto)
                .unwrap_err()
                .starts_with("byte 25 is not UTF-8")
        );
        let cut = "主订单编号,商品".as_bytes();
        assert!(
            sniff(&cut[..cut.len() - 1], Encoding::Auto)
                .unwrap_err()
                .contains("in the middle of a character (byte 19)")
        );
        assert!(
            sniff(b"a,b\n1,\0\0\0", Encoding::Auto)
                .unwrap_err()
                .starts_with("byte 6 is NUL")
        );
    }

    #[test]
    fn a_byte_that_is_not_gb18030_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (gbk, ..) = GB18030.encode("订单,数量\n");
        std::fs::write(file.path(), [gbk.as_ref(), b"1,\xff\xff\n"].concat()).unwrap();
        let mut out = String::new();
        let error = Text::open(file.path(), Encoding::Gb18030)
            .unwrap()
            .read_to_string(&mut out)
            .unwrap_err();
        assert!(
            error.to_string().starts_with("byte 12 is not GB18030"),
            "{error}"
        );
    }
}
