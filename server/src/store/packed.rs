//! The form of MySQL's COMPRESS(): four bytes of length, little-endian, then a zlib stream (RFC
//! 1950), so that UNCOMPRESS() reads what is packed here. Packed here and not by the server: it is
//! a quarter of the bytes on the way, and the database has other things to do.

use std::io;

use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};

/// The largest text that is unpacked, bytes: 40 times that of a host with 1,024 cores.
const MAX_BYTES: u32 = 64 << 20;

/// COMPRESS() keeps lengths in 30 bits.
const LENGTH_BITS: u32 = 0x3fff_ffff;

/// How hard to pack, 0 to 12, what is written poll by poll: quickly. What the text of a poll is packed
/// to is less than a quarter of its row (benches/store_write.rs), so that little is to be won by more.
const LEVEL: CompressionLvl = level(1);

/// The same for what is packed once and kept for weeks. Beyond 6 there is little to be won: 9 takes three
/// times as long for 3 % less (benches/store_write.rs).
const HARD_LEVEL: CompressionLvl = level(6);

const fn level(level: i32) -> CompressionLvl {
    match CompressionLvl::new(level) {
        Ok(level) => level,
        Err(_) => panic!("libdeflate has levels 0 to 12"),
    }
}

/// Packs texts, one after another with the same state: making it anew for each costs as much as
/// packing the text of a small host.
pub(super) struct Packer {
    compressor: Compressor,
    /// Room for the largest stream so far.
    room: Vec<u8>,
}

impl Packer {
    /// For what is written poll by poll.
    pub(super) fn quick() -> Self {
        Self { compressor: Compressor::new(LEVEL), room: Vec::new() }
    }

    /// For what is packed once and kept for weeks.
    pub(super) fn hard() -> Self {
        Self { compressor: Compressor::new(HARD_LEVEL), room: Vec::new() }
    }

    /// Packs a text.
    ///
    /// # Errors
    /// When it is larger than what is unpacked.
    pub(super) fn pack(&mut self, text: &str) -> io::Result<Vec<u8>> {
        let mut packed = Vec::new();
        self.append(text, &mut packed)?;
        Ok(packed)
    }

    /// Appends a text, packed.
    ///
    /// # Errors
    /// As [`Packer::pack`].
    pub(super) fn append(&mut self, text: &str, packed: &mut Vec<u8>) -> io::Result<()> {
        let length = length(text)?;
        let stream = self.stream(text)?;
        packed.reserve(size_of_val(&length) + stream.len());
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(stream);
        Ok(())
    }

    /// The zlib stream of a text alone, without its length.
    ///
    /// # Errors
    /// As [`Packer::pack`].
    pub(super) fn stream(&mut self, text: &str) -> io::Result<&[u8]> {
        length(text)?;
        let most = self.compressor.zlib_compress_bound(text.len());
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        let stream = self.compressor.zlib_compress(text.as_bytes(), &mut self.room);
        Ok(&self.room[..stream.map_err(io::Error::other)?])
    }
}

/// The length of a text that is not too large.
fn length(text: &str) -> io::Result<u32> {
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= MAX_BYTES);
    length.ok_or_else(|| {
        io::Error::other(format!("{} bytes of detail, more than {MAX_BYTES}", text.len()))
    })
}

/// Unpacks what a [`Packer`] or COMPRESS() made of a text.
///
/// # Errors
/// When it is no such thing, or is larger than the limit.
pub(super) fn unpack(packed: &[u8]) -> io::Result<String> {
    let Some((length, stream)) = packed.split_first_chunk::<4>() else {
        return Err(io::Error::other("too short for the form of COMPRESS()"));
    };
    inflate(stream, u32::from_le_bytes(*length) & LENGTH_BITS)
}

/// Unpacks a zlib stream of a text that has so many bytes.
///
/// # Errors
/// When it is no such thing, or is larger than the limit.
pub(super) fn inflate(stream: &[u8], length: u32) -> io::Result<String> {
    if length > MAX_BYTES {
        return Err(io::Error::other(format!("{length} bytes unpacked, more than {MAX_BYTES}")));
    }
    let mut text = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    match Decompressor::new().zlib_decompress(stream, &mut text) {
        Ok(found) if found == text.len() => String::from_utf8(text).map_err(io::Error::other),
        Ok(_) | Err(DecompressionError::InsufficientSpace) => {
            Err(io::Error::other("its length is not the one it says"))
        }
        Err(DecompressionError::BadData) => Err(io::Error::other("no zlib stream, or damaged")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let text = "{\"core\":[[\"ü\",1.5,null]]}".repeat(1_000);
        for mut packer in [Packer::quick(), Packer::hard()] {
            // Nothing of one text is left in the next.
            let first = packer.pack(&text).unwrap();
            let noise: String = (0..9_000_u64).map(|n| format!("{:x}", n * n * 7_919)).collect();
            let packed = packer.pack(&noise).unwrap();
            assert_eq!(unpack(&packed).unwrap(), noise);
            assert_eq!(packer.pack(&text).unwrap(), first);
            assert!(first.len() < text.len() / 10);
            assert_eq!(unpack(&first).unwrap(), text);
            assert_eq!(unpack(&packer.pack("").unwrap()).unwrap(), "");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let packed = Packer::quick().pack("{\"core\":[]}").unwrap();
        let mut longer = packed.clone();
        longer[0] += 1;
        let mut shorter = packed.clone();
        shorter[0] -= 1;
        let mut huge = packed.clone();
        huge[3] = 0x3f;
        for bad in [&[][..], &packed[..3], &packed[..8], &longer, &shorter, &huge] {
            assert!(unpack(bad).is_err(), "{bad:?}");
        }
    }
}
