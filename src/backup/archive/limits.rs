//! How much an archive may hold. The writer keeps the same limits, so that nothing is written that would not be read.

/// Bytes of a chunk when it is closed: what writer and reader hold of a store at a time.
pub const CHUNK: usize = 4 << 20;

/// Limits of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked bytes of the whole archive. A small file that unpacks without end stops here; until then it costs time and no memory.
    pub whole: u64,
    /// Bytes of one document, of the manifest, and of one chunk. A chunk may be larger than [`CHUNK`] by one value, and API servers
    /// refuse values long before this.
    pub entry: u64,
    /// Bytes of a key. Kubernetes' own are well below 1 KiB.
    pub key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { whole: 1 << 38, entry: 32 << 20, key: 64 << 10 }
    }
}

/// Memory that an unpacking window may ask for, as a power of two: 8 MiB. The writer's level asks for 2 MiB.
pub(super) const WINDOW_LOG: u32 = 23;

/// Bytes of the part of a sealed archive that says to whom it is sealed. A recipient takes about 100.
pub(super) const SEAL_HEADER: u64 = 64 << 10;
