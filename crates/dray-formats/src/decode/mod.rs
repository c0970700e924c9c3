//! Packed bytes and foreign encodings become UTF-8 text. Plain UTF-8 passes without being touched.

// What a file is by its first bytes.
mod content;

// Counts and limits what is unpacked.
mod meter;

// The xz container.
mod xz;

// Streams that are packed.
mod codec;

// What a zip archive lists.
mod listing;

// Zip archives.
mod archive;

// A thread that decodes ahead.
mod ahead;

// Encodings by name.
mod encoding;

// Which encoding makes words.
mod letters;

// Which encoding a text is in.
mod guess;

// From any encoding to UTF-8.
mod transcode;

// Encodings that show late.
mod late;

use std::sync::Arc;

use dray_model::flow::Detected;
use dray_model::{Error, Result};

use self::ahead::Ahead;
use self::archive::Archive;
use self::codec::{recognise, unpack};
use self::content::{binary_format, refuse_binary, refuse_text};
pub(crate) use self::encoding::TextEncoding;
use self::guess::{Guess, by_mark, by_zeros, guess};
use self::late::Late;
use self::meter::{Count, Made, Taken, Unpacked};
use self::transcode::Transcoder;
use crate::input::Input;
use crate::options::{Compression, Format, ReadOptions};

/// How much of a source is looked at to find out what it is.
const SAMPLE_BYTES: usize = 256 << 10;

/// How much of it should come from the first character beyond ASCII on.
const EVIDENCE_BYTES: usize = 64 << 10;

/// A file in an archive may be packed itself; what is packed more often hides something.
const MAX_LAYERS: usize = 2;

/// A source that was unpacked and decoded.
pub(crate) struct Decoded {
    /// Text in UTF-8, or the bytes of a format that is no text.
    pub(crate) input: Input,
    /// The first bytes of it.
    pub(crate) sample: Vec<u8>,
    /// The format, where it is no text.
    pub(crate) binary: Option<Format>,
    /// What was found out.
    pub(crate) detected: Vec<Detected>,
}

/// Unpacks and decodes a source as far as it needs that.
pub(crate) fn decode(input: Input, options: &ReadOptions) -> Result<Decoded> {
    let mut detected = Vec::new();
    let Layers { input, sample, binary, is_packed } = unpack_layers(input, options, &mut detected)?;
    if let Some(format) = binary.or_else(|| binary_format(&sample)) {
        return Ok(Decoded { input, sample, binary: Some(format), detected });
    }
    refuse_binary(input.name(), &sample)?;
    let (input, sample) = decode_text(input, sample, is_packed, options, &mut detected)?;
    refuse_text(input.name(), &sample, input.ended(), options)?;
    Ok(Decoded { input, sample, binary: None, detected })
}

/// A source without its packing.
struct Layers {
    input: Input,
    sample: Vec<u8>,
    /// The workbook that is a zip archive by itself.
    binary: Option<Format>,
    is_packed: bool,
}

fn unpack_layers(mut input: Input, options: &ReadOptions, detected: &mut Vec<Detected>) -> Result<Layers> {
    let mut sample = Vec::new();
    let mut layers = 0;
    let mut member = options.member.as_deref();
    let limits = options.limits.within_reason();
    loop {
        sample.clear();
        input.read_more(&mut sample, SAMPLE_BYTES)?;
        let Some(compression) = recognise(&sample) else { break };
        let name = input.name().to_owned();
        let origin = Arc::clone(input.origin());
        let counted = Some(&origin).filter(|_| layers == 0);
        let mut taken = Count::default();
        let (inner_name, reader) = if compression == Compression::Zip {
            let mut archive = Archive::open(&name, input.into_file(&sample)?)?;
            if let Some(format) = archive.workbook() {
                let mut input = Input::from_file(name, archive.into_file()?)?;
                sample.clear();
                input.read_more(&mut sample, SAMPLE_BYTES)?;
                refuse_member(&input, member)?;
                return Ok(Layers { input, sample, binary: Some(format), is_packed: layers > 0 });
            }
            if let Some(kind) = archive.kind_of_document() {
                return Err(Error::source(format!("`{name}` is {kind}"))
                    .hint("save the table in it as CSV or as a workbook"));
            }
            let index = archive.find(member.take())?;
            let path = archive.member(index).map_or_else(String::new, |member| member.path.clone());
            let inner_name =
                archive.member(index).map_or_else(|| name.clone(), |member| member.file_name().to_owned());
            detected.push(Detected::certain("compression", compression.word()));
            detected.push(Detected::certain("member", path));
            (archive::shown(&inner_name), archive.into_reader(index, &mut taken, counted)?)
        } else {
            detected.push(Detected::certain("compression", compression.word()));
            let packed = Taken::new(input.into_reader(sample), &taken, counted);
            let reader = unpack(compression, packed).map_err(|cause| {
                Error::source(format!("`{name}` cannot be unpacked")).hint("send it unpacked").because(cause)
            })?;
            sample = Vec::new();
            (without_extension(&name, compression), reader)
        };
        layers += 1;
        if layers > MAX_LAYERS {
            return Err(Error::source(format!("`{name}` is packed more than {MAX_LAYERS} times"))
                .hint("unpack it and send the file inside"));
        }
        let reader = Unpacked::new(reader, &name, compression.word(), taken, Arc::clone(&origin), &limits);
        input = Input::decoded(inner_name, Box::new(reader), origin);
    }
    refuse_member(&input, member)?;
    Ok(Layers { input, sample, binary: None, is_packed: layers > 0 })
}

/// Refuses to look for a file in what is no archive.
fn refuse_member(input: &Input, member: Option<&str>) -> Result<()> {
    match member {
        None => Ok(()),
        Some(member) => Err(Error::request(format!(
            "`{}` is no zip archive, so there is no file `{member}` in it",
            input.name()
        ))
        .hint("leave the member out")),
    }
}

/// The name of what is packed: `contacts.csv` for `contacts.csv.gz`.
fn without_extension(name: &str, compression: Compression) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty() && Compression::from_name(extension) == Some(compression) =>
        {
            stem.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Finds the encoding and puts a decoder in between where the text is not UTF-8.
fn decode_text(
    mut input: Input,
    mut sample: Vec<u8>,
    is_packed: bool,
    options: &ReadOptions,
    detected: &mut Vec<Detected>,
) -> Result<(Input, Vec<u8>)> {
    let first = sample.iter().position(|&byte| byte >= 0x80);
    if let Some(first) = first {
        let missing = (first + EVIDENCE_BYTES).saturating_sub(sample.len());
        input.read_more(&mut sample, missing)?;
    }
    let is_complete = input.ended();
    let mut found = match &options.encoding {
        Some(name) => Guess { encoding: named(name, &sample)?, confidence: 1.0 },
        None => guess(&sample, is_complete),
    };
    let is_utf8 = found.encoding == TextEncoding::Utf8;
    let may_show_late = is_utf8 && first.is_none() && !is_complete && options.encoding.is_none();
    if may_show_late {
        found.confidence = 0.9;
    }
    detected.push(Detected {
        what: "encoding",
        value: found.encoding.name().to_owned(),
        confidence: found.confidence,
    });
    if !may_show_late {
        input.origin().set_encoding(found.encoding.name());
    }
    if is_utf8 && !may_show_late && (!is_packed || is_complete) {
        return Ok((input, sample));
    }
    let (name, origin) = (input.name().to_owned(), Arc::clone(input.origin()));
    let mut reader = input.into_reader(sample);
    if !is_packed {
        reader = Box::new(Taken::new(reader, &Count::default(), Some(&origin)));
    }
    if may_show_late {
        reader = Box::new(Late::new(reader, Arc::clone(&origin)));
    } else if !is_utf8 {
        reader = Box::new(Transcoder::new(reader, found.encoding, 0, Arc::clone(&origin)));
    }
    reader = Box::new(Made::new(reader, Arc::clone(&origin)));
    // A thread is worth it where there is work for it.
    if !is_complete && (is_packed || !is_utf8) {
        reader = Box::new(Ahead::start(reader)?);
    }
    let mut input = Input::decoded(name, reader, origin);
    let mut sample = Vec::new();
    input.read_more(&mut sample, SAMPLE_BYTES)?;
    Ok((input, sample))
}

/// The encoding that a person named. A name that leaves the order of the bytes open leaves it to the
/// source.
fn named(name: &str, sample: &[u8]) -> Result<TextEncoding> {
    let encoding = TextEncoding::from_name(name)?;
    if name.trim().to_ascii_lowercase().ends_with(['6', '2'])
        && let Some(found) = by_mark(sample).or_else(|| by_zeros(sample))
        && found.family() == encoding.family()
    {
        return Ok(found);
    }
    Ok(encoding)
}
