//! The form in which a row waits in the spool, and back.
//!
//! A poll is three lines, deflated: what is known of the poll as JSON, its values, its detail as the
//! stores keep it. What is not a poll is JSON. Knows no SQL, no files.

use std::{
    io::{self, Read as _, Write as _},
    sync::Arc,
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};

use crate::{
    model::{
        Alarm, AlarmEvent, Annotation, AuditEntry, Delivery, Loss, Notice, Record, Rollup,
        Transition,
    },
    store::{FactsSeen, detail},
};

/// The largest poll that is inflated, bytes; one is 4 KB, and an answer has at most 256 MiB.
const MAX_INFLATED: u64 = 1 << 30;

/// A row that is not a poll.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Other {
    Transition(Transition),
    Facts(Box<FactsSeen>),
    Loss(Loss),
    Rollup(Arc<Rollup>),
    Notice(Arc<Notice>),
    Alarm(Box<Alarm>),
    AlarmEvent(Box<AlarmEvent>),
    Delivery(Arc<Delivery>),
    Annotation(Arc<Annotation>),
    Audit(Arc<AuditEntry>),
}

impl Other {
    /// Whether it says what a server decided, of which another one that took over knows better.
    pub(super) fn is_decision(&self) -> bool {
        match self {
            Self::Transition(_)
            | Self::Facts(_)
            | Self::Notice(_)
            | Self::Alarm(_)
            | Self::AlarmEvent(_)
            | Self::Delivery(_) => true,
            Self::Loss(_) | Self::Rollup(_) | Self::Annotation(_) | Self::Audit(_) => false,
        }
    }
}

/// A poll as bytes.
///
/// # Errors
/// None that is known: the bytes are in memory.
pub(super) fn encode(record: &Record) -> io::Result<Vec<u8>> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
    out.write_all(serde_json::to_string(record)?.as_bytes())?;
    out.write_all(b"\n")?;
    if let Some(values) = &record.values {
        out.write_all(detail::encode_values(values).as_bytes())?;
    }
    out.write_all(b"\n")?;
    if let Some(all) = &record.detail {
        out.write_all(detail::encode(all).as_bytes())?;
    }
    out.finish()
}

/// The poll that [`encode`] wrote.
///
/// # Errors
/// When the bytes are not of this form.
pub(super) fn decode(bytes: &[u8]) -> io::Result<Record> {
    let mut text = String::new();
    ZlibDecoder::new(bytes).take(MAX_INFLATED).read_to_string(&mut text)?;
    // No line holds a line's end: JSON writes it as \n.
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().ok_or(io::ErrorKind::UnexpectedEof);
    let record: Record = serde_json::from_str(line()?)?;
    let values = Some(line()?).filter(|line| !line.is_empty());
    let all = Some(line()?).filter(|line| !line.is_empty());
    Ok(Record {
        values: values.map(detail::decode_values).transpose()?,
        detail: all.map(detail::decode).transpose()?,
        ..record
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Column, ColumnKind, ColumnSet, HostId},
        store::sample,
        units::WallMs,
    };

    #[test]
    fn a_poll_comes_back_exactly_and_small() {
        let name = sample::name("a");
        let mut good = sample::good(HostId(7), &name, WallMs(5));
        for wide in [0.001, 8_999_999_999.999, 1e15, 9.2e18] {
            let values = good.values.as_mut().unwrap();
            for column in
                Column::ALL.iter().filter(|c| c.spec().kind == ColumnKind::Whole || wide < 1e12)
            {
                values.set(*column, wide);
            }
            let bytes = encode(&good).unwrap();
            assert_eq!(decode(&bytes).unwrap(), good);
        }
        let failed = sample::failed(HostId(7), &name, WallMs(6), "two\nlines \"ü\u{0}");
        assert_eq!(decode(&encode(&failed).unwrap()).unwrap(), failed);
        assert!(decode(b"no zlib").is_err());
        assert!(decode(&encode(&failed).unwrap()[..20]).is_err());
    }
}
