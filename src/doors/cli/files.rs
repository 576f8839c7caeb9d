//! Files of users: CSV or NDJSON, plain or compressed, or the standard streams.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;

/// How users are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// One JSON object per line
    Ndjson,
}

impl Format {
    /// The format that was asked for, or the one that the file's name tells; CSV where nothing does.
    pub(super) fn of(path: &Path, asked: Option<Self>) -> Self {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        let is_ndjson = [".ndjson", ".jsonl", ".json"].iter().any(|end| name.ends_with(end));
        asked.unwrap_or(if is_ndjson { Self::Ndjson } else { Self::Csv })
    }
}

fn extension(path: &Path) -> String {
    path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase()
}

/// Counts the bytes that pass, before they are unpacked.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A file to read.
pub(super) struct Source {
    pub(super) reader: Box<dyn Read>,
    /// How many of its bytes have been read.
    pub(super) bytes: Arc<AtomicU64>,
    /// How many there are, if that is known.
    pub(super) total: Option<u64>,
}

/// How much of a packed file is read at once: little, since what is read counts as done.
const PACKED_BYTES: usize = 4096;

/// Opens a file, or standard input for `-`; unpacks by extension.
pub(super) fn open(path: &Path) -> io::Result<Source> {
    let bytes = Arc::new(AtomicU64::new(0));
    if path == Path::new("-") {
        let reader = Box::new(Counted { inner: io::stdin().lock(), bytes: bytes.clone() });
        return Ok(Source { reader, bytes, total: None });
    }
    let file = File::open(path)?;
    let total = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let counted = Counted { inner: file, bytes: bytes.clone() };
    let packed = |counted| io::BufReader::with_capacity(PACKED_BYTES, counted);
    let reader: Box<dyn Read> = match extension(path).as_str() {
        "gz" => Box::new(flate2::bufread::MultiGzDecoder::new(packed(counted))),
        "zst" => Box::new(zstd::Decoder::with_buffer(packed(counted))?),
        _ => Box::new(counted),
    };
    Ok(Source { reader, bytes, total })
}

/// The mode of a file that its owner may read and write, and nobody else.
#[cfg(unix)]
const OWNERS_ALONE: u32 = 0o600;

/// A file to write; [`Sink::finish`] ends it.
pub(super) enum Sink {
    Plain(Box<dyn Write>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

/// Creates or empties a file, which from then on only its owner may read, or takes standard output for `-`; packs by extension.
pub(super) fn create(path: &Path) -> io::Result<Sink> {
    if path == Path::new("-") {
        return Ok(Sink::Plain(Box::new(BufWriter::new(io::stdout().lock()))));
    }
    let file = BufWriter::new(private(path)?);
    Ok(match extension(path).as_str() {
        "gz" => Sink::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
        "zst" => Sink::Zstd(zstd::Encoder::new(file, 0)?),
        _ => Sink::Plain(Box::new(file)),
    })
}

/// Opens an empty file of its owner's alone. A device or a pipe is taken as it is.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNERS_ALONE);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        // The mode above is a new file's; one that was there keeps its own.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(OWNERS_ALONE))?;
        file.set_len(0)?;
    }
    Ok(file)
}

impl Sink {
    /// Writes what is left, the end of a packed file included.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(file) => file.finish()?.flush(),
            Self::Zstd(file) => file.finish()?.flush(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(file) => file.write(bytes),
            Self::Zstd(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(file) => file.flush(),
            Self::Zstd(file) => file.flush(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_its_owners_alone_before_anything_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["users.csv", "users.csv.gz", "users.ndjson.zst"] {
            for former in [None, Some(0o644), Some(0o666), Some(0o400)] {
                let path = folder.path().join(format!("{former:?}{name}"));
                if let Some(mode) = former {
                    std::fs::write(&path, "everything that was there before").unwrap();
                    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
                }
                let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
                let mut sink = match create(&path) {
                    Ok(sink) => sink,
                    // Whoever is not root may not write to what is read-only, and is told so.
                    Err(e) if former == Some(0o400) && e.kind() == io::ErrorKind::PermissionDenied => continue,
                    Err(e) => panic!("{}: {e}", path.display()),
                };
                assert_eq!((mode(), path.metadata().unwrap().len()), (0o600, 0), "{}", path.display());
                sink.write_all(b"ada").unwrap();
                sink.finish().unwrap();
                let mut text = String::new();
                open(&path).unwrap().reader.read_to_string(&mut text).unwrap();
                assert_eq!((mode(), text.as_str()), (0o600, "ada"), "{}", path.display());
            }
        }
    }
}
