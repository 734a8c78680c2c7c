//! The texts of sealed polls as they lie in a row of `poll_hour`: each packed, one after another.
//! `server/migrations/mysql/0024_poll_hour.sql` and `0069_poll_hour_form.sql` say how.

use std::{io, ops::Range};

use crate::{
    store::{
        packed::{self, Packer},
        sealed::{Form, TEXTS, Texts, came_later},
    },
    units::WallMs,
};

/// Some polls of a host and an hour, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// How its texts are written.
    pub(super) form: Form,
    /// How many polls.
    pub(super) polls: u64,
    /// The first and the last one's slot.
    pub(super) first: WallMs,
    pub(super) last: WallMs,
    /// Where each text begins in `docs`, counted from 1 as SQL does, and where the last one ends. The times
    /// of counts lie before the first.
    pub(super) at: [u32; TEXTS + 1],
    pub(super) docs: Vec<u8>,
}

impl Part {
    /// # Errors
    /// When a text is larger than what is unpacked.
    pub(super) fn pack(texts: &Texts) -> io::Result<Self> {
        let mut docs = Vec::new();
        let mut at = [0; TEXTS + 1];
        let mut packer = Packer::hard();
        let here = |docs: &Vec<u8>| u32::try_from(docs.len() + 1).map_err(io::Error::other);
        if texts.form == Form::Counts {
            packer.append(&texts.times, &mut docs)?;
        }
        at[0] = here(&docs)?;
        for (position, text) in texts.all.iter().enumerate() {
            packer.append(text, &mut docs)?;
            at[position + 1] = here(&docs)?;
        }
        let Texts { form, polls, first, last, .. } = *texts;
        Ok(Self { form, polls, first, last, at, docs })
    }

    /// # Errors
    /// When it is damaged.
    pub(super) fn unpack(&self) -> io::Result<Texts> {
        let mut all = <[String; TEXTS]>::default();
        for (position, text) in all.iter_mut().enumerate() {
            let packed = self.between(self.at[position], self.at[position + 1])?;
            if !(packed.is_empty() && came_later(position)) {
                *text = packed::unpack(packed)?;
            }
        }
        let times = times(self.form, self.between(1, self.at[0])?)?;
        let Self { form, polls, first, last, .. } = *self;
        Ok(Texts { form, polls, first, last, times, all })
    }

    fn between(&self, begin: u32, end: u32) -> io::Result<&[u8]> {
        let at = |at: u32| usize::try_from(at).ok()?.checked_sub(1);
        let range: Option<Range<usize>> = at(begin).zip(at(end)).map(|(begin, end)| begin..end);
        let packed = range.and_then(|range| self.docs.get(range));
        packed.ok_or_else(|| io::Error::other("a text begins past the end"))
    }
}

/// The times of the polls, where the form has them.
pub(super) fn times(form: Form, packed: &[u8]) -> io::Result<String> {
    match form {
        Form::Rows => Ok(String::new()),
        Form::Counts => packed::unpack(packed),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;
    use crate::{
        model::{HostId, Record},
        store::{mysql::moment, sample, sealed},
    };

    fn polls() -> (WallMs, Vec<Record>) {
        let name = sample::name("web-1");
        let hour = moment::hour(sample::START);
        let slots = (0..40).map(|number| WallMs(hour.0 + number * 10_000 + 7));
        (hour, slots.map(|slot| sample::measured(HostId(1), &name, slot)).collect())
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let (hour, records) = polls();
        let texts = sealed::encode(hour, &records).remove(0);
        assert_eq!(texts.form, Form::Counts);
        assert_eq!(Part::pack(&texts).unwrap().unpack().unwrap(), texts);
    }

    /// As texts were packed before libdeflate did it.
    fn packed_by_zlib(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let mut zlib = ZlibEncoder::new(length.to_vec(), Compression::new(6));
        zlib.write_all(text.as_bytes()).unwrap();
        zlib.finish().unwrap()
    }

    #[test]
    fn an_hour_that_zlib_packed_as_rows_is_read() {
        let (hour, records) = polls();
        let texts = sealed::rows(hour, &records).remove(0);
        let part = Part::pack(&texts).unwrap();
        let mut former = Part { docs: Vec::new(), ..part.clone() };
        for (position, text) in texts.all.iter().enumerate() {
            former.docs.extend(packed_by_zlib(text));
            former.at[position + 1] = u32::try_from(former.docs.len() + 1).unwrap();
        }
        assert_ne!(former.docs, part.docs);
        assert_eq!(former.unpack().unwrap(), texts);
        let name = sample::name("web-1");
        assert_eq!(sealed::decode(&texts, hour, HostId(1), &name).unwrap(), records);
    }

    #[test]
    fn damage_is_an_error() {
        let (hour, records) = polls();
        let part = Part::pack(&sealed::encode(hour, &records).remove(0)).unwrap();
        let mut bad = vec![Part { docs: Vec::new(), ..part.clone() }];
        for position in 0..TEXTS {
            let mut at = part.at;
            at[position] += 1;
            bad.push(Part { at, ..part.clone() });
        }
        bad.push(Part { at: [0; TEXTS + 1], ..part.clone() });
        for part in bad {
            assert!(part.unpack().is_err(), "{:?}", part.at);
        }
    }
}
